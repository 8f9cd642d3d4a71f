#include "dstack/base/file_digest.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/stop_flag.hpp"

#include <string>
#include <string_view>

namespace dstack {

namespace {

constexpr std::size_t at_a_time = std::size_t{256} << 10U;

}  // namespace

Result<Digest> hash_file(int file) {
  Sha256 hash;
  std::string buffer(at_a_time, '\0');
  for (;;) {
    DSTACK_CHECK(check_stop());
    DSTACK_TRY(const std::size_t count, read_some(file, buffer.data(), buffer.size()));
    if (count == 0)
      return hash.finish();
    hash.update(std::string_view(buffer).substr(0, count));
  }
}

}  // namespace dstack

#include "dstack/process/oom_score.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/text.hpp"

#include <array>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

namespace dstack::process {

namespace {

/// Writes `wanted` where the score is `expected`: any other was chosen by the user.
void replace_score(std::string_view expected, std::string_view wanted) {
  const Fd file(::open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC));
  std::array<char, 16> buffer;
  const ssize_t count = file ? ::pread(file.get(), buffer.data(), buffer.size(), 0) : 0;
  if (count > 0 && trim({buffer.data(), static_cast<std::size_t>(count)}) == expected)
    (void)!::pwrite(file.get(), wanted.data(), wanted.size(), 0);
}

}  // namespace

void protect_from_oom_killer() {
  replace_score("0", "-500");
}

void leave_to_oom_killer() {
  replace_score("-500", "0");
}

}  // namespace dstack::process

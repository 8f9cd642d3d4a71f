#include "views/code_amount.hpp"

#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"

namespace dstack::cli {

namespace {

constexpr std::uint64_t many_files = 10'000;
constexpr std::uint64_t many_bytes = 100'000'000;

}  // namespace

bool is_large(const source::Amount& code) {
  return code.files >= many_files || code.bytes >= many_bytes;
}

std::string describe(const source::Amount& code) {
  return fmt::format(
      "the code of this run is {}, {}", plural(code.files, "file"), render_size(code.bytes));
}

}  // namespace dstack::cli

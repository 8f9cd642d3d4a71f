#include "views/input_progress.hpp"

#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"

namespace dstack::cli {

namespace {

/// What takes less than a second needs no words.
constexpr std::uint64_t least_shown = 100'000'000;

}  // namespace

void InputProgress::show(const job::InputFile& input, std::uint64_t done, std::uint64_t all) {
  if (all < least_shown || messages_.quiet())
    return;
  const std::string what = fmt::format("copying the input '{}'", printable(input.path));
  if (line_.works()) {
    const std::string text = fmt::format("{}: {} of {}", what, render_size(done), render_size(all));
    line_.draw({ui::LiveBlock::Line{ui::Cell{text}}});
  } else if (noted_ != input.path) {
    messages_.note(fmt::format("{}: {}", what, render_size(all)));
    noted_ = input.path;
  }
}

}  // namespace dstack::cli

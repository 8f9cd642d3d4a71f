#include "views/code_progress.hpp"

#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/base/thread.hpp"
#include "ui/live.hpp"

#include <poll.h>

namespace dstack::cli {

namespace {

constexpr std::uint64_t many_files = 10'000;
constexpr std::uint64_t many_bytes = 100'000'000;
constexpr int frame_milliseconds = 200;

}  // namespace

bool is_large(const source::Amount& code) {
  return code.files >= many_files || code.bytes >= many_bytes;
}

std::string describe(const source::Amount& code) {
  return fmt::format(
      "the code of this run is {}, {}", plural(code.files, "file"), render_size(code.bytes));
}

CodeProgress::~CodeProgress() {
  if (!drawing_.joinable())
    return;
  over_.set();
  drawing_.join();
}

void CodeProgress::begin(const source::Amount& code) {
  if (!is_large(code))
    return;
  messages_.note(fmt::format(
      "{}{}", ui::paint(messages_.stream(), ui::Colour::cyan, "note: "), describe(code)));
  if (messages_.quiet() || !messages_.stream().live)
    return;
  over_ = Event::make().value_or(Event());
  if (!over_)
    return;
  if (auto drawing = start_thread([this, code] { draw(code); }))
    drawing_ = *std::move(drawing);
}

void CodeProgress::draw(source::Amount code) const {
  ui::LiveBlock block(messages_.stream());
  pollfd polled{over_.fd(), POLLIN, 0};
  while (::poll(&polled, 1, frame_milliseconds) == 0)
    block.draw({{ui::Cell{fmt::format("storing the code: {} of {}, {} of {}",
                                      progress_.files.load(),
                                      plural(code.files, "file"),
                                      render_size(progress_.bytes.load()),
                                      render_size(code.bytes))}}});
}

}  // namespace dstack::cli

#include "ui/live.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>

namespace dstack::ui {

namespace {

/// Terminals that know these two show everything between them at once; others ignore them.
constexpr const char* begin_update = "\033[?2026h";
constexpr const char* end_update = "\033[?2026l";

void send(const Stream& stream, const std::string& bytes) {
  if (!write_all(stream.fd, bytes))
    return;  // the terminal is gone
}

}  // namespace

/// A terminal that became narrower has wrapped the lines, so the block may be higher than before.
std::string LiveBlock::erasure() const {
  if (drawn_.empty())
    return {};
  const std::size_t columns = std::max<std::size_t>(1, screen_size(stream_).columns);
  std::size_t rows = 0;
  for (const std::size_t width : drawn_)
    rows += std::max<std::size_t>(1, (width + columns - 1) / columns);
  return fmt::format("\r\033[{}A\033[J", rows);
}

void LiveBlock::draw(const std::vector<Line>& lines) {
  if (!works())
    return;
  const std::size_t columns = screen_size(stream_).columns;
  std::string bytes = begin_update + erasure();
  drawn_.clear();
  for (const Line& line : lines) {
    // One cell stays free: a full line makes some terminals wrap.
    std::size_t room = columns > 1 ? columns - 1 : 1;
    std::size_t used = 0;
    for (const Cell& piece : line) {
      const std::string shown = cut(stream_, printable(piece.text), room);
      bytes += paint(stream_, piece.colour, shown);
      used += display_width(shown);
      room -= std::min(room, display_width(shown));
    }
    bytes += "\n";
    drawn_.push_back(used);
  }
  send(stream_, bytes + end_update);
}

void LiveBlock::clear() {
  if (drawn_.empty())
    return;
  send(stream_, erasure());
  drawn_.clear();
}

}  // namespace dstack::ui

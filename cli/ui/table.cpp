#include "ui/table.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>

namespace dstack::ui {

namespace {

constexpr std::size_t gap = 2;
constexpr std::size_t narrowest = 8;

std::string blanks(std::size_t count) {
  return std::string(count, ' ');
}

}  // namespace

std::vector<std::size_t> Table::widths(const Stream& stream) const {
  std::vector<std::size_t> widths;
  std::size_t total = 0;
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    std::size_t width = display_width(columns_[column].title);
    for (const auto& row : rows_)
      width = std::max(width, display_width(printable(row[column].text)));
    widths.push_back(width);
    total += width + (column > 0 ? gap : 0);
  }
  if (!stream.terminal)
    return widths;
  const std::size_t screen = screen_size(stream).columns;
  for (std::size_t column = columns_.size(); column-- > 0 && total > screen;) {
    if (columns_[column].width != Width::shrinks || widths[column] <= narrowest)
      continue;
    const std::size_t taken = std::min(total - screen, widths[column] - narrowest);
    widths[column] -= taken;
    total -= taken;
  }
  return widths;
}

std::string Table::render(const Stream& stream) const {
  const std::vector<std::size_t> widths = this->widths(stream);
  std::string text;
  const auto add_row = [&](const auto& cell_at) {
    std::string row;
    std::size_t owed = 0;  // blanks, written only when something follows
    for (std::size_t column = 0; column < columns_.size(); ++column) {
      const Cell cell = cell_at(column);
      const std::string shown = cut(stream, printable(cell.text), widths[column]);
      const std::size_t space = widths[column] - std::min(widths[column], display_width(shown));
      const bool right = columns_[column].align == Align::right;
      if (!shown.empty())
        row += blanks(owed + (right ? space : 0)) + paint(stream, cell.colour, shown);
      owed = (shown.empty() ? owed + widths[column] : right ? 0 : space) + gap;
    }
    text += row + "\n";
  };
  add_row([&](std::size_t column) { return Cell{columns_[column].title, Colour::dim}; });
  for (const auto& row : rows_)
    add_row([&](std::size_t column) { return row[column]; });
  return text;
}

}  // namespace dstack::ui

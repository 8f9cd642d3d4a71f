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

std::vector<std::size_t> Table::find_widths(const Stream& stream) const {
  std::vector<std::size_t> widths;
  std::size_t total = 0;
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    std::size_t width = std::max(display_width(columns_[column].title), columns_[column].least);
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
  const std::vector<std::size_t> widths = find_widths(stream);
  return render_header(stream, widths) + render_rows(stream, widths);
}

std::string Table::take(const Stream& stream) {
  const bool is_first = taken_widths_.empty();
  if (is_first)
    taken_widths_ = find_widths(stream);
  std::string text = is_first ? render_header(stream, taken_widths_) : std::string();
  text += render_rows(stream, taken_widths_);
  rows_.clear();
  return text;
}

std::string Table::render_header(const Stream& stream,
                                 const std::vector<std::size_t>& widths) const {
  std::vector<Cell> titles;
  for (const Column& column : columns_)
    titles.push_back({column.title, Colour::dim});
  return render_row(stream, titles, widths);
}

std::string Table::render_rows(const Stream& stream, const std::vector<std::size_t>& widths) const {
  std::string text;
  for (const auto& row : rows_)
    text += render_row(stream, row, widths);
  return text;
}

std::string Table::render_row(const Stream& stream,
                              const std::vector<Cell>& cells,
                              const std::vector<std::size_t>& widths) const {
  std::string row;
  std::size_t owed = 0;  // blanks, written only when something follows
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    const Cell& cell = cells[column];
    std::string shown = printable(cell.text);
    if (stream.terminal)
      shown = cut(stream, shown, widths[column]);
    const std::size_t space = widths[column] - std::min(widths[column], display_width(shown));
    const bool right = columns_[column].align == Align::right;
    if (!shown.empty())
      row += blanks(owed + (right ? space : 0)) + paint(stream, cell.colour, shown);
    owed = (shown.empty() ? owed + widths[column] : right ? 0 : space) + gap;
  }
  return row + "\n";
}

}  // namespace dstack::ui

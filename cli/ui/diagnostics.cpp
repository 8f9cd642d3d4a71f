#include "ui/diagnostics.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <utility>
#include <vector>

namespace dstack::ui {

namespace {

constexpr std::size_t tab_stop = 4;
/// Cells of an excerpt; a longer line is cut around its carets.
constexpr std::size_t excerpt_width = 110;
/// Cells kept before the carets where a line is cut on its left.
constexpr std::size_t excerpt_lead = 40;
/// No more of a line is read on either side of the carets.
constexpr std::size_t most_characters = 4 * excerpt_width;
/// Errors of one text that are shown.
constexpr std::size_t most_shown = 200;

struct Palette {
  std::string_view error = "";
  std::string_view warning = "";
  std::string_view gutter = "";
  std::string_view hint = "";
  std::string_view bold = "";
  std::string_view reset = "";
};

Palette palette(Coloured colour) {
  if (colour == Coloured::no)
    return {};
  return {"\x1b[1;31m", "\x1b[1;33m", "\x1b[1;34m", "\x1b[1;36m", "\x1b[1m", "\x1b[0m"};
}

/// One character as the excerpt shows it.
struct Cell {
  std::string text;
  std::size_t width;
};

std::size_t character_size(std::string_view text) {
  std::size_t size = 1;
  while (size < text.size() && size < 4 && (static_cast<unsigned char>(text[size]) & 0xC0u) == 0x80)
    ++size;
  return find_invalid_utf8(text.substr(0, size)) ? 1 : size;
}

/// Skips `count` characters.
std::string_view after_characters(std::string_view text, std::size_t count) {
  while (count > 0 && !text.empty()) {
    text.remove_prefix(character_size(text));
    --count;
  }
  return text;
}

std::vector<Cell> cells_of(std::string_view line, std::size_t most) {
  std::vector<Cell> cells;
  std::size_t column = 0;
  while (!line.empty() && cells.size() < most) {
    const std::size_t size = character_size(line);
    Cell cell;
    if (line.front() == '\t') {
      cell.width = tab_stop - column % tab_stop;
      cell.text.assign(cell.width, ' ');
    } else {
      cell.text = printable(line.substr(0, size));
      cell.width = display_width(cell.text);
    }
    column += cell.width;
    cells.push_back(std::move(cell));
    line.remove_prefix(size);
  }
  return cells;
}

struct Excerpt {
  std::string line;
  std::string carets;
};

Excerpt excerpt(const SourceLocation& where) {
  const std::string_view whole = where.source->line(where.line);
  // Only the neighbourhood of the carets is decoded.
  std::size_t caret = where.column > 0 ? where.column - 1 : 0;
  const std::size_t skipped = caret > most_characters ? caret - excerpt_lead : 0;
  caret -= skipped;
  const std::vector<Cell> cells =
      cells_of(after_characters(whole, skipped), caret + most_characters);
  const auto width = [&](std::size_t from, std::size_t to) {
    std::size_t sum = 0;
    for (std::size_t i = from; i < std::min(to, cells.size()); ++i)
      sum += cells[i].width;
    return sum;
  };
  std::size_t first = 0;
  if (width(0, cells.size()) > excerpt_width)
    while (first < caret && width(first, caret) > excerpt_lead)
      ++first;
  std::size_t last = first;
  for (std::size_t used = 0; last < cells.size() && used + cells[last].width <= excerpt_width;
       ++last)
    used += cells[last].width;

  const bool cut_left = skipped > 0 || first > 0;
  Excerpt result;
  result.line = cut_left ? "…" : "";
  for (std::size_t i = first; i < last; ++i)
    result.line += cells[i].text;
  if (last < cells.size())
    result.line += "…";
  while (!result.line.empty() && result.line.back() == ' ')
    result.line.pop_back();
  const std::size_t marked = std::min(width(caret, caret + where.length),
                                      excerpt_width - std::min(excerpt_width, width(first, caret)));
  result.carets = std::string((cut_left ? 1 : 0) + width(first, caret), ' ');
  result.carets += std::string(std::max<std::size_t>(1, marked), '^');
  return result;
}

void append_place(std::string& out,
                  const SourceLocation& where,
                  const Palette& colours,
                  std::string_view mark) {
  const std::string number = std::to_string(where.line);
  const std::string margin(number.size(), ' ');
  const auto gutter = [&](const std::string& text) {
    return std::string(colours.gutter) + text + std::string(colours.reset);
  };
  out += fmt::format("{}{} {}\n", margin, gutter("-->"), printable(where.render()));
  if (where.line == 0 || where.line > where.source->line_starts.size())
    return;
  const Excerpt shown = excerpt(where);
  out += fmt::format("{} {}\n", margin, gutter("|"));
  out += fmt::format(
      "{}{}{}\n", gutter(fmt::format("{} |", number)), shown.line.empty() ? "" : " ", shown.line);
  out += fmt::format("{} {} {}{}{}\n", margin, gutter("|"), mark, shown.carets, colours.reset);
}

void append_error(std::string& out, const Error& error, const Palette& colours, Severity severity) {
  const std::string_view mark = severity == Severity::error ? colours.error : colours.warning;
  const std::string_view word = severity == Severity::error ? "error" : "warning";
  out += fmt::format("{}{}{}{}: {}{}\n",
                     mark,
                     word,
                     colours.reset,
                     colours.bold,
                     printable_lines(error.message, ""),
                     colours.reset);
  if (error.where && error.where->source)
    append_place(out, *error.where, colours, mark);
  for (const std::string& context : error.context)
    out += fmt::format("  {}\n", printable_lines(context, "  "));
  if (!error.hint.empty())
    out += fmt::format(
        "{}hint{}: {}\n", colours.hint, colours.reset, printable_lines(error.hint, "      "));
}

/// Errors of one file are together, in its order; those without a place come first.
void sort_by_place(std::vector<Error>& errors) {
  std::vector<const SourceText*> sources;
  std::vector<std::pair<std::tuple<std::size_t, std::uint32_t, std::uint32_t>, std::size_t>> order;
  for (std::size_t i = 0; i < errors.size(); ++i) {
    if (!errors[i].where) {
      order.push_back({{0, 0, 0}, i});
      continue;
    }
    const SourceLocation& where = *errors[i].where;
    auto source = std::find_if(sources.begin(), sources.end(), [&](const SourceText* known) {
      return known == where.source.get() ||
             (where.source && known && known->name == where.source->name);
    });
    if (source == sources.end())
      source = sources.insert(sources.end(), where.source.get());
    order.push_back(
        {{static_cast<std::size_t>(source - sources.begin()) + 1, where.line, where.column}, i});
  }
  std::sort(order.begin(), order.end());
  std::vector<Error> sorted;
  sorted.reserve(errors.size());
  for (const auto& [key, index] : order)
    sorted.push_back(std::move(errors[index]));
  errors = std::move(sorted);
}

}  // namespace

std::string render_diagnostics(const Error& error, Coloured colour, Severity severity) {
  const Palette colours = palette(colour);
  std::vector<Error> errors = flatten(error);
  sort_by_place(errors);
  std::string out;
  const std::size_t shown = std::min(errors.size(), most_shown);
  for (std::size_t i = 0; i < shown; ++i) {
    if (!out.empty())
      out += "\n";
    append_error(out, errors[i], colours, severity);
  }
  if (errors.size() > 1)
    out += fmt::format("\n{}{}\n",
                       plural(errors.size(), severity == Severity::error ? "error" : "warning"),
                       shown < errors.size() ? fmt::format("; these are the first {}", shown) : "");
  return out;
}

}  // namespace dstack::ui

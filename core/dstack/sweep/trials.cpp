#include "dstack/sweep/trials.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

namespace dstack::sweep {

namespace {

struct Cell {
  std::string text;
  SourceLocation where;
};

/// Reads the cells of a text line by line.
class Reader {
 public:
  explicit Reader(std::shared_ptr<const SourceText> text) : source_(std::move(text)) {
    if (source_->text.starts_with("\xef\xbb\xbf"))
      next_ = 3;
  }

  bool at_end() const { return next_ >= source_->text.size(); }

  Result<std::vector<Cell>> read_line() {
    std::vector<Cell> cells;
    for (;;) {
      DSTACK_TRY(Cell cell, read_cell());
      cells.push_back(std::move(cell));
      if (at_end())
        return cells;
      const char end = source_->text[next_];
      advance();
      if (end == ',')
        continue;
      if (end == '\r' && !at_end() && source_->text[next_] == '\n')
        advance();
      return cells;
    }
  }

 private:
  Result<Cell> read_cell() {
    Cell cell{{}, {source_, line_, column_}};
    if (!at_end() && source_->text[next_] == '"') {
      advance();
      for (;;) {
        if (at_end())
          return fail(ErrorCode::configuration, "a quote is not closed").at(cell.where);
        const char c = source_->text[next_];
        advance();
        if (c == '"') {
          if (at_end() || source_->text[next_] != '"')
            break;
          advance();
        }
        cell.text += c;
      }
      if (!at_end() && !ends_cell(source_->text[next_]))
        return fail(ErrorCode::configuration, "a quoted value goes on after its quote")
            .at({source_, line_, column_});
      return cell;
    }
    while (!at_end() && !ends_cell(source_->text[next_])) {
      cell.text += source_->text[next_];
      advance();
    }
    cell.where.length =
        std::max<std::uint32_t>(1, static_cast<std::uint32_t>(count_characters(cell.text)));
    return cell;
  }

  static bool ends_cell(char c) { return c == ',' || c == '\n' || c == '\r'; }

  void advance() {
    const auto c = static_cast<unsigned char>(source_->text[next_++]);
    if (c == '\n') {
      ++line_;
      column_ = 1;
    } else if ((c & 0xc0) != 0x80) {
      ++column_;
    }
  }

  std::shared_ptr<const SourceText> source_;
  std::size_t next_ = 0;
  std::uint32_t line_ = 1;
  std::uint32_t column_ = 1;
};

std::string quote(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos)
    return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"')
      quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

Result<Dimension> parse_trials(const std::shared_ptr<const SourceText>& text) {
  Reader reader(text);
  Dimension dimension;
  if (reader.at_end())
    return fail(ErrorCode::configuration, "the table '{}' is empty", printable(text->name))
        .with_hint("its first line has the names of variables, each other line one combination");
  DSTACK_TRY(const auto header, reader.read_line());
  for (const Cell& cell : header) {
    const std::string key(trim(cell.text));
    if (!is_name(key))
      return fail(ErrorCode::configuration,
                  "'{}' is not the name of a variable",
                  printable(cell.text))
          .at(cell.where)
          .with_hint("the first line of the table has the names of variables");
    if (std::find(dimension.keys.begin(), dimension.keys.end(), key) != dimension.keys.end())
      return fail(ErrorCode::configuration, "two columns are called '{}'", key).at(cell.where);
    dimension.keys.push_back(key);
  }
  while (!reader.at_end()) {
    DSTACK_TRY(auto cells, reader.read_line());
    if (cells.size() == 1 && trim(cells.front().text).empty())
      continue;
    if (cells.size() != header.size())
      return fail(ErrorCode::configuration,
                  "the line has {}, and the first line {}",
                  plural(cells.size(), "value"),
                  header.size())
          .at(cells.front().where);
    std::vector<std::optional<std::string>> row;
    for (const Cell& cell : cells) {
      const std::string_view value = trim(cell.text);
      row.push_back(value.empty() ? std::nullopt : std::optional(std::string(value)));
    }
    dimension.rows.push_back(std::move(row));
    if (dimension.rows.size() > most_combinations)
      return fail(ErrorCode::configuration,
                  "the table '{}' has more than {} lines",
                  printable(text->name),
                  most_combinations);
  }
  if (dimension.rows.empty())
    return fail(ErrorCode::configuration,
                "the table '{}' has no line below its first",
                printable(text->name))
        .with_hint("each line below the names of variables is one combination");
  return dimension;
}

std::string render_table(const std::vector<TableRow>& rows) {
  Space space;
  for (const TableRow& row : rows)
    space.include.push_back(row.combination);
  const std::vector<std::string> keys = space.keys();
  std::string text = "folder";
  for (const std::string& key : keys)
    text += "," + quote(key);
  text += "\n";
  for (const TableRow& row : rows) {
    text += quote(row.folder);
    for (const std::string& key : keys) {
      const std::string* value = value_of(row.combination, key);
      text += "," + (value == nullptr ? std::string() : quote(*value));
    }
    text += "\n";
  }
  return text;
}

}  // namespace dstack::sweep

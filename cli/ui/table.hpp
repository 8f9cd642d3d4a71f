// Aligned columns. On a terminal the rows are cut to its width; in a pipe nothing is cut.
#pragma once

#include "ui/terminal.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace dstack::ui {

struct Cell {
  std::string text;  ///< made printable by the table
  Colour colour = Colour::plain;
};

class Table {
 public:
  enum class Align { left, right };
  enum class Width { whole, shrinks };

  struct Column {
    std::string title;
    Align align = Align::left;
    Width width = Width::whole;  ///< shrinks: is cut when the screen is too narrow
    std::size_t least = 0;       ///< columns that it has in any case: for rows that are to come
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }

  bool empty() const { return rows_.empty(); }

  /// The header and all rows, each ended by a newline; no trailing blanks.
  std::string render(const Stream& stream) const;

  /// For a table that is written in parts: the rows added since the last call, which it forgets,
  /// and before the first ones the header. The widths are those of the first part and of
  /// Column::least.
  std::string take(const Stream& stream);

 private:
  std::vector<std::size_t> find_widths(const Stream& stream) const;
  std::string render_header(const Stream& stream, const std::vector<std::size_t>& widths) const;
  std::string render_rows(const Stream& stream, const std::vector<std::size_t>& widths) const;
  std::string render_row(const Stream& stream,
                         const std::vector<Cell>& cells,
                         const std::vector<std::size_t>& widths) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
  std::vector<std::size_t> taken_widths_;  ///< empty: nothing was taken yet
};

}  // namespace dstack::ui

// Aligned columns. On a terminal the rows are cut to its width; in a pipe nothing is cut.
#pragma once

#include "ui/terminal.hpp"

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
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }

  bool empty() const { return rows_.empty(); }

  /// The header and all rows, each ended by a newline; no trailing blanks.
  std::string render(const Stream& stream) const;

 private:
  std::vector<std::size_t> widths(const Stream& stream) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace dstack::ui

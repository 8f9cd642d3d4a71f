// Combinations in a table: the first line has the keys, each other line is one combination.
#pragma once

#include "dstack/base/error.hpp"
#include "dstack/sweep/combinations.hpp"

#include <memory>
#include <string>
#include <vector>

namespace dstack::sweep {

/// CSV by RFC 4180, with LF or CRLF. The columns are one dimension; an empty cell leaves its key
/// out. configuration, at its place in the text.
Result<Dimension> parse_trials(const std::shared_ptr<const SourceText>& text);

struct TableRow {
  std::string folder;  ///< of what there is of the combination
  Combination combination;
};

/// The table of these combinations, as CSV: a column `folder`, then one for each key.
std::string render_table(const std::vector<TableRow>& rows);

}  // namespace dstack::sweep

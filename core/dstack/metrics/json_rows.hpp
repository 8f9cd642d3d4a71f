// Rows out of JSON, as programs write it: with NaN and Infinity as bare words, too.
#pragma once

#include "dstack/base/json.hpp"
#include "dstack/metrics/row.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace dstack::metrics {

/// As parse_json(), but `NaN`, `Infinity` and `-Infinity` are texts of these words.
Result<Json> parse_with_nan(std::string_view text);

/// The numbers of an object, those of nested ones as "a.b"; of a list the last number. The texts
/// NaN, Infinity and -Infinity are numbers, other texts and truth values are not.
Row row_of(const Json& object);

/// What is one value of JSON: the entries of its `log_history`, as `trainer_state.json` has them;
/// of a list of objects each; else itself as one.
std::vector<Row> rows_of_document(const Json& document);

/// Whether it is the state of a trainer of Hugging Face's transformers.
bool is_trainer_state(const Json& document);

}  // namespace dstack::metrics

// Rows out of CSV with a header: of Lightning, Keras, Ultralytics, Stable-Baselines3, and others.
#pragma once

#include "dstack/metrics/row.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::metrics {

/// The fields of a line, without their quotes and the blanks around them. Nothing: a quote is not
/// closed.
std::optional<std::vector<std::string>> csv_fields(std::string_view line);

/// Whether a line can be a header: at least two fields, all of them names.
bool is_csv_header(const std::vector<std::string>& fields);

/// What is no number, such as `NA`, is left out.
Row row_of(const std::vector<std::string>& header, const std::vector<std::string>& fields);

}  // namespace dstack::metrics

// What is read of the numbers that a job reports of itself: the property `metrics`
// (docs/reference/metrics.md).
#pragma once

#include "dstack/base/json.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dstack::job {

enum class Better { min, max };

std::string_view render(Better better);
std::optional<Better> parse_better(std::string_view text);

struct Metrics {
  /// Normal relative paths of files and folders, from the working directory.
  std::vector<std::string> files = {};
  /// How a line of the output that has some is written: "epoch {epoch} loss {loss}"; empty: none
  /// has.
  std::string log = {};
  /// Those that are shown of a run, and what is better of each.
  std::vector<std::pair<std::string, Better>> best = {};

  bool operator==(const Metrics&) const = default;
};

/// What is wrong with such a line, as the end of a sentence: "has no '}' for its '{'"; empty:
/// nothing.
std::string problem_of_log_template(std::string_view text);

/// For people: "metrics of 'log.csv', 'model'".
std::string describe(const Metrics& metrics);

void to_json(Json& json, const Metrics& metrics);
/// Also of what check_properties() makes of the property.
void from_json(const Json& json, Metrics& metrics);

}  // namespace dstack::job

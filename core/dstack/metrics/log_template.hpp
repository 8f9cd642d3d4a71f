// Numbers in what a job prints, found by a line with names in their places: "epoch {epoch} loss
// {loss}".
#pragma once

#include "dstack/metrics/row.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::metrics {

class LogTemplate {
 public:
  /// job::problem_of_log_template() has found nothing.
  explicit LogTemplate(std::string_view text);

  /// The numbers of a line that has all parts of the template one after the other, whatever is
  /// before and behind them; blanks of any number are alike.
  std::optional<Row> match(std::string_view line) const;

 private:
  struct Part {
    std::string before;  ///< the text before the number, its blanks made one
    std::string name;
  };

  std::optional<std::vector<std::pair<std::string, double>>> match_at(std::string_view line) const;

  std::vector<Part> parts_;
  std::string end_;
};

}  // namespace dstack::metrics

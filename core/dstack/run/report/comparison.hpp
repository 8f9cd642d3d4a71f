// Runs side by side: what `dstack compare` makes its rows of.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/job/metrics.hpp"
#include "dstack/metrics/summary.hpp"
#include "dstack/query/filter.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace dstack::run {

/// One workflow of one run; of a sweep one combination.
struct ComparedWorkflow {
  std::string run;
  std::size_t index = 0;    ///< of the workflow in the run
  std::string workflow;     ///< without the combination
  std::string combination;  ///< "lr=0.1,seed=2"; empty: it is not swept
  std::string status;
  query::Value duration;  ///< seconds, so far where it goes on
  std::string submitted;
  std::string tags;  ///< separated by blanks
  std::vector<std::pair<std::string, std::string>> variables;
  /// Of the job that reported the metric, the first one of several; else what its artifacts hold.
  std::vector<metrics::MetricSummary> metrics;
  std::vector<std::pair<std::string, job::Better>> best;  ///< as the workflow declares
};

/// All workflows of a run, in the run's order.
Result<std::vector<ComparedWorkflow>> compare_workflows(const files::Home& home,
                                                        store::Records& records,
                                                        const store::RunRecord& run);

/// What columns there are beside variables and metrics.
const std::vector<std::string>& fixed_columns();

/// The value of a column: a fixed one; a variable; the last value of a metric; or `last:NAME`,
/// `min:NAME`, `max:NAME`, `step@min:NAME`, `step@max:NAME`, `points:NAME`.
query::Value value_of(const ComparedWorkflow& row, const std::string& column);

/// The metric that a column is about; empty: it is none, or a plain name.
std::string metric_of_column(const std::string& column);

}  // namespace dstack::run

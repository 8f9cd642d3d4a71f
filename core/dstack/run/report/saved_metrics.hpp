// Metrics in what a run saved: for workflows whose jobs reported none themselves.
#pragma once

#include "dstack/job/artifact.hpp"
#include "dstack/metrics/summary.hpp"
#include "dstack/store/objects/objects.hpp"

#include <map>
#include <string>
#include <vector>

namespace dstack::run {

/// The points of each metric, in the order of the files' paths and of what is in them.
using SavedMetrics = std::map<std::string, std::vector<metrics::Sample>>;

/// Those of a workflow, by its name in the run.
std::vector<job::Artifact> artifacts_of(const std::vector<job::Artifact>& all,
                                        const std::string& workflow);

/// Reads the files of these artifacts that are certainly metrics, as in a folder that the key
/// `metrics` names, and documents of JSON whose name says so: `metrics.json`, `eval_results.json`.
/// A metric that is in several files is that of the first. What cannot be read is left out. A
/// sample without a time has that of its file.
Result<SavedMetrics> read_saved_metrics(const store::ObjectStore& objects,
                                        const std::vector<job::Artifact>& artifacts);

std::vector<metrics::MetricSummary> summaries_of(const SavedMetrics& saved);

}  // namespace dstack::run

// All about one run: what `dstack show` prints, and what notifications contain. The one JSON form
// of a run (docs/reference/cli.md, "show").
#pragma once

#include "dstack/base/json.hpp"
#include "dstack/base/time.hpp"
#include "dstack/files/home.hpp"
#include "dstack/job/application.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/run_clock.hpp"
#include "dstack/metrics/summary.hpp"
#include "dstack/plan/plan.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace dstack::run {

/// All that the records hold about a run, and may be shown.
struct Description {
  store::RunRecord run;
  plan::Plan plan;     ///< without secrets
  std::string origin;  ///< the run of which it is a restart; empty: none
  std::vector<store::JobRecord> jobs;
  std::vector<std::vector<store::HistoryEntry>> history;  ///< by job
  std::vector<job::Artifact> artifacts;
  /// By job: of the Python environment that was made for it, "numpy==1.26.4"; empty without one.
  std::vector<std::vector<std::string>> packages;
  /// By job: what it has reported of itself, by name.
  std::vector<std::vector<metrics::MetricSummary>> metrics;
  std::vector<store::NotificationRecord> notifications;
  ClockReading read_at;  ///< when: what goes on has taken until then
};

Result<Description> describe_run(const files::Home& home,
                                 store::Records& records,
                                 store::RunRecord run);
Json render_description(const Description& description);

/// How long something of the run took, or has taken so far; nothing where it has not begun.
std::optional<std::chrono::milliseconds> duration(const Description& description,
                                                  const std::optional<job::Moment>& started_at,
                                                  const std::optional<job::Moment>& finished_at);

/// Which of its workflow's jobs a job is.
std::size_t index_in_workflow(const Description& description, const store::JobRecord& job);

/// The first job of a workflow, as an index into the plan; the number of jobs when it has none.
/// Jobs of one workflow differ in nothing that a user has set.
std::size_t first_job(const Description& description, std::size_t workflow);

/// The applications of jobs that run, of one workflow.
std::vector<job::Application> running_apps(const std::vector<store::JobRecord>& jobs,
                                           std::size_t workflow);
/// Those of all.
std::vector<job::Application> running_apps(const std::vector<store::JobRecord>& jobs);

}  // namespace dstack::run

// What follows from the end of a job: another attempt, the end of its gang, the saving of what it
// leaves, and the skipping of what depends on it.
#pragma once

#include "dstack/run/schedule/attempts.hpp"
#include "dstack/run/supervisor/artifact_saver.hpp"
#include "dstack/run/supervisor/job_stops.hpp"
#include "dstack/run/supervisor/run_progress.hpp"
#include "dstack/run/supervisor/supervisor_parts.hpp"
#include "dstack/store/records/changes.hpp"

#include <cstddef>
#include <deque>
#include <set>
#include <vector>

namespace dstack::run {

/// For one thread. All that it is given must outlive it.
class JobEnds {
 public:
  JobEnds(RunProgress& progress, JobStops& stops, const SupervisorParts& parts)
      : progress_(progress), stops_(stops), parts_(parts) {}

  /// Attempts have ended. Judged in the order in which they did, for the first failure counts.
  void ended(std::vector<End> ends);
  /// A job whose turn had come could not be started.
  void not_started(std::size_t job, const Error& error);
  /// The artifacts of a job are stored: it is over.
  void saved(SavedArtifacts result);
  /// Stops what is left of gangs in which one has failed, if it can be reached only now.
  void stop_failed_gangs();

 private:
  void judge_all();
  void judge(End end);
  void retry(std::size_t job, const store::JobChange& failure);
  void stop_rest_of_gang(std::size_t job);
  /// The end of a job's last attempt.
  void settle(const End& end);
  void save(const End& end);
  store::JobChange final_change(const SavedArtifacts& saved) const;
  void finish(store::JobChange change);

  RunProgress& progress_;
  JobStops& stops_;
  SupervisorParts parts_;
  std::deque<End> queue_;           ///< ends whose turn is still to come,
  std::set<std::size_t> unjudged_;  ///< and their jobs
  std::set<std::size_t> lost_;      ///< jobs whose runner was killed
};

}  // namespace dstack::run

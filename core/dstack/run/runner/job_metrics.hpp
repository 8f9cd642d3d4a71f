// The metrics of a running job: from $DSTACK_METRICS, and from what its property `metrics` names.
#pragma once

#include "dstack/metrics/followed_file.hpp"
#include "dstack/metrics/log_template.hpp"
#include "dstack/metrics/point_writer.hpp"
#include "dstack/run/protocol/job_log.hpp"
#include "dstack/run/runner/job_attempt.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dstack::run {

/// Where $DSTACK_METRICS leads. The job makes the file, unless it is in a sandbox.
Path reported_metrics(const JobAttempt& attempt);

/// For the only thread of the runner. Nothing is opened or made for a job that has no such property
/// and writes nothing.
class JobMetrics {
 public:
  using Clock = std::chrono::steady_clock;

  /// `attempt` must outlive the calls, and is the same for all of them.
  JobMetrics() = default;
  explicit JobMetrics(const JobAttempt& attempt, Clock::time_point now);

  Clock::time_point next_look() const { return next_look_; }

  /// Takes what is new, if it is time for that: a part of it, when it is much.
  void look(const JobAttempt& attempt, Clock::time_point now);
  /// The job has ended, and its log is whole: takes all that is left. The warnings are those of all
  /// looks. `is_enough`: asked now and then; true ends it.
  std::vector<std::string> finish(const JobAttempt& attempt,
                                  const std::function<bool()>& is_enough);

 private:
  using FollowedFile = metrics::FollowedFile;

  /// True: there is more.
  bool take_new(const JobAttempt& attempt, bool ended);
  bool take_named(const JobAttempt& attempt, const std::string& path, bool ended);
  bool take_folder(const JobAttempt& attempt,
                   const Path& folder,
                   const std::string& path,
                   bool ended);
  bool take_file(const JobAttempt& attempt,
                 const Path& file,
                 const std::string& name,
                 FollowedFile::Found found,
                 bool ended);
  bool take_output(const JobAttempt& attempt, bool ended);
  void add(const JobAttempt& attempt, std::vector<metrics::Row> rows);
  void store(const JobAttempt& attempt);
  void warn(std::string warning);

  Clock::time_point next_look_ = Clock::time_point::max();
  Clock::duration between_looks_{};
  bool has_points_ = false;
  std::map<std::string, FollowedFile> files_;
  std::optional<metrics::LogTemplate> template_;
  std::optional<JobLog> log_;
  std::uint64_t log_offset_ = 0;
  std::string log_line_;  ///< the beginning of one that is not whole yet
  std::map<std::string, std::int64_t> next_steps_;
  std::vector<metrics::Point> pending_;
  std::optional<metrics::PointWriter> writer_;
  std::vector<std::string> warnings_;
  std::size_t more_warnings_ = 0;
};

}  // namespace dstack::run

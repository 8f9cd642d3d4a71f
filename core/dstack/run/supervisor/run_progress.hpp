// The state of a run: what its supervisor knows and has decided, and what is still to be recorded.
// Uses only the recorder and the clock.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/job/run_clock.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/protocol/exit_record.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/run/protocol/mailbox.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "dstack/run/schedule/attempts.hpp"
#include "dstack/run/schedule/failure_limit.hpp"
#include "dstack/run/schedule/gang_policy.hpp"
#include "dstack/run/schedule/scheduler.hpp"
#include "dstack/run/supervisor/job_orders.hpp"
#include "dstack/run/supervisor/journal.hpp"
#include "dstack/run/supervisor/recorder.hpp"
#include "dstack/store/records/changes.hpp"
#include "dstack/store/records/run_record.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::run {

/// For one thread. Not movable, because its members refer to each other.
struct RunProgress {
  RunProgress(
      const files::Home& home, RunOrder its_order, store::RunRecord, Recorder& recorder, Clock);
  RunProgress(const RunProgress&) = delete;
  RunProgress& operator=(const RunProgress&) = delete;

  /// The order of the attempt that began last.
  JobOrder job_order(std::size_t job) const;
  /// The end of the attempt that began last. Without a record its runner was killed, unless it has
  /// said why it gave up; with an error nobody can tell.
  End end_of(std::size_t job, Result<std::optional<ExitRecord>> record) const;
  job::StopRequest stop_asked_of(std::size_t job) const;
  /// As users see it: "train", or "train[2]".
  std::string label(std::size_t job) const;

  /// Records a step of a job; the scheduler knows its status already.
  void record(std::size_t job, job::Status status, std::string reason = {});
  void set_status(std::size_t job, job::Status status, std::string reason = {});
  void skip(const std::vector<std::size_t>& jobs);
  /// Nothing of these workflows that has not begun is started any more.
  void hold_back(const FailureLimit::Verdict& verdict);
  /// An attempt failed, by itself or with its gang, and the next follows.
  void record_retry(std::size_t job, std::size_t attempt, const store::JobChange& failure);
  /// A runner's message, as it was sent or as it is in the file.
  void note(std::string_view message);

  const RunOrder order;
  const store::RunRecord run;
  const Clock now;
  Scheduler scheduler;
  Attempts attempts;
  GangPolicy gangs;
  FailureLimit failures;
  JobOrders orders;
  Journal journal;
  std::vector<job::StopRequest> stops;  ///< what was asked, by workflow
  /// Jobs whose retry is already recorded, and whose failed attempt this supervisor has not judged
  /// yet.
  std::set<std::size_t> recorded_retries;
  /// The last words of runners that ended without a record, by job; of the last attempt.
  std::map<std::size_t, TroubleMessage> gave_up;

 private:
  job::Moment moment_of(Timestamp at,
                        const std::optional<std::chrono::milliseconds>& elapsed) const;
  void note(const StateMessage& message);
  void note(TroubleMessage message);
  void note(job::Application said);
};

}  // namespace dstack::run

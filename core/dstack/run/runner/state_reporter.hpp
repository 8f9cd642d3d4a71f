// How a runner reports on its job: each state, and each change of an application, is a line of the
// attempt's `states` file before it is a message in the supervisor's mailbox. So a later supervisor
// finds what this one has missed.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/job/application.hpp"
#include "dstack/job/run_clock.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/run/protocol/mailbox.hpp"

#include <cstddef>
#include <string>

namespace dstack::run {

/// For one thread.
class StateReporter {
 public:
  /// Of the attempt of this order; the folders are the run's and the attempt's.
  static Result<StateReporter> open(const Path& run_folder,
                                    const Path& attempt_folder,
                                    const JobOrder& order);

  /// A supervisor that is gone, or a full disk, is not an error.
  void report(job::Status status) const;
  void report(const job::Application& app) const;
  /// Notes which pipe the job's processes write to: by it they are found if the runner is killed.
  void note_output(std::uint64_t pipe) const;
  /// To the supervisor alone.
  void report(TroubleMessage::Kind kind, const std::string& text) const;

 private:
  void send(const std::string& line) const;

  MailboxSender mailbox_;
  std::size_t job_ = 0;
  std::size_t attempt_ = 1;
  job::RunClock clock_;
  Fd states_;
  mutable bool is_torn_ = false;  ///< the last line may not be whole
};

}  // namespace dstack::run

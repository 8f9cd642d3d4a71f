#include "dstack/run/runner/job_attempt.hpp"

#include "dstack/base/fatal_exit.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/run/protocol/file_names.hpp"

#include <unistd.h>

namespace dstack::run {

Path packages_record(const JobAttempt& attempt) {
  return attempt.home.job(attempt.order.run, attempt.order.index) / file_names::packages;
}

Result<JobAttempt> open_attempt(JobOrder order) {
  const files::Home home{order.home};
  const Path job_folder = home.job(order.run, order.index);
  Path folder = attempt_folder(home, order.run, order.index, order.attempt);
  DSTACK_CHECK(make_folders(folder));
  DSTACK_TRY(const process::Identity self, process::own_identity());
  DSTACK_CHECK(
      write_file_atomically(folder / file_names::runner, process::render(self), Durable::no, 0600));
  DSTACK_TRY(auto states, StateReporter::open(home.run(order.run), folder, order));
  DSTACK_TRY(auto log, RunnerLog::open(job_folder, order.log_limit, order.clock));
  DSTACK_TRY(auto record, ExitRecordFile::reserve(folder));
  report_fatal_exit_in((job_folder / file_names::log).string());
  if (order.attempt > 1)
    DSTACK_CHECK(log.begin_attempt(order.attempt, order.attempts));
  auto workspace = workspace_of(home, folder, order);
  return JobAttempt{std::move(order),
                    home,
                    std::move(folder),
                    std::move(workspace),
                    std::move(log),
                    std::move(states),
                    std::move(record)};
}

}  // namespace dstack::run

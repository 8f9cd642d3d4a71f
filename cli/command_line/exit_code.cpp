#include "command_line/exit_code.hpp"

#include "dstack/job/status.hpp"

namespace dstack::cli {

int exit_code_of(const store::RunState& state) {
  const auto& [run, jobs] = state;
  switch (run.status) {
    case job::Status::done:
      return 0;
    case job::Status::stopped:
    case job::Status::stopping:
    case job::Status::aborted:
    case job::Status::aborting:
      return 143;
    default:
      break;
  }
  if (run.first_failure < 0 || static_cast<std::size_t>(run.first_failure) >= jobs.size())
    return exit_code::runner_failed;
  const store::JobRecord& job = jobs[static_cast<std::size_t>(run.first_failure)];
  if (!job.cause)
    return exit_code::runner_failed;
  switch (*job.cause) {
    case job::Cause::exit:
      return job.exit_code.value_or(1);
    case job::Cause::signal:
      return 128 + job.signal.value_or(0);
    case job::Cause::oom:
      return 137;
    case job::Cause::timeout:
      return exit_code::timed_out;
    case job::Cause::artifact:
    case job::Cause::disk:
      return exit_code::failure;
    case job::Cause::port:
    case job::Cause::start:
    case job::Cause::lost:
      break;
  }
  return exit_code::runner_failed;
}

}  // namespace dstack::cli

#include "dstack/run/runner/outcome.hpp"

#include "dstack/base/quantity.hpp"

#include <signal.h>

namespace dstack::run {

std::optional<job::StopRequest> requested_stop(int signal, const ExitRecord& record) {
  return requested_stop(signal,
                        record.stop != job::StopRequest::none ||
                            record.cause == job::Cause::timeout ||
                            record.cause == job::Cause::disk);
}

std::optional<job::StopRequest> requested_stop(int signal, bool is_ending) {
  if (signal == SIGUSR1)
    return job::StopRequest::abort;
  if (signal == SIGCHLD || is_ending)
    return std::nullopt;
  return job::StopRequest::stop;
}

void record_report(ExitRecord& record, AgentReport report) {
  if (report.cause) {
    if (*report.cause != job::Cause::exit)  // that one follows from the exit code or signal
      record.cause = report.cause;
    record.message = std::move(report.message);
  }
  if (report.usage)
    record.usage = *report.usage;
  if (!report.warning.empty())
    record.warnings.push_back(std::move(report.warning));
  if (record.cause == job::Cause::start)
    record.outcome = ExitRecord::Outcome::not_started;
}

void record_exit(ExitRecord& record, const std::optional<process::ExitStatus>& status) {
  const auto* exited = status ? std::get_if<process::Exited>(&*status) : nullptr;
  if (exited != nullptr) {
    record.number = exited->code;
  } else {
    record.outcome = ExitRecord::Outcome::signaled;
    record.number = status ? std::get<process::Signaled>(*status).signal : SIGKILL;
  }
  if (record.cause == job::Cause::start)
    record.outcome = ExitRecord::Outcome::not_started;
}

std::string oom_kill_sentence(std::uint64_t limit) {
  const std::string why =
      limit == 0
          ? "the machine's memory was used up"
          : fmt::format("the {} of memory that it asked for were used up; --memory gives it more",
                        render_size(limit));
  return fmt::format("a process of the job was killed because {}", why);
}

std::string disk_sentence(std::uint64_t written, std::uint64_t limit) {
  return fmt::format(
      "it wrote {} into its workspace, more than the {} that 'disk' in its resources "
      "allows",
      render_size(written),
      render_size(limit));
}

}  // namespace dstack::run

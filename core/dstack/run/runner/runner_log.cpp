#include "dstack/run/runner/runner_log.hpp"

#include "dstack/run/protocol/job_log.hpp"

namespace dstack::run {

RunnerLog::RunnerLog(Path job_folder, LogWriter writer)
    : folder_(std::move(job_folder)), writer_(std::move(writer)) {}

Result<RunnerLog> RunnerLog::open(const Path& job_folder,
                                  std::uint64_t limit,
                                  const job::RunClock& clock) {
  DSTACK_TRY(auto writer, LogWriter::open(job_folder, limit, clock));
  return RunnerLog(job_folder, std::move(writer));
}

Result<void> RunnerLog::say(const std::string& sentence) {
  const auto end = JobLog(folder_).read_end(1);
  const bool begins_a_line = end && (end->empty() || *end == "\n");
  DSTACK_TRY(const Fd log, writer_.append_descriptor());
  DSTACK_CHECK(
      write_all(log.get(), fmt::format("{}dstack: {}\n", begins_a_line ? "" : "\n", sentence)));
  return writer_.continue_at_end();
}

Result<void> RunnerLog::begin_attempt(std::size_t attempt, std::size_t attempts) {
  DSTACK_CHECK(say(fmt::format("attempt {} of {}", attempt, attempts)));
  DSTACK_TRY(begin_, JobLog(folder_).size());
  return {};
}

std::string RunnerLog::tail() const {
  return JobLog(folder_).read_end(end_of_log, begin_).value_or("");
}

}  // namespace dstack::run

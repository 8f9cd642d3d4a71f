#include "dstack/run/supervisor/supervisor_log.hpp"

#include "dstack/base/log.hpp"
#include "dstack/run/protocol/file_names.hpp"

#include <atomic>
#include <cstdlib>
#include <optional>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

namespace dstack::run {

namespace {

/// Set before there is a second thread: if decisions are not logged, the log itself may be started
/// later, by the thread that has a problem.
bool logs_decisions = false;

/// A descriptor that is kept for the log: a problem may be that there are no more. -1: given up.
std::atomic<int> spare{-1};

std::optional<log::Level> level_asked_for() {
  const char* value = std::getenv(log_level_variable);
  const std::string_view name = value == nullptr ? "" : value;
  if (name == "info")
    return log::Level::info;
  if (name == "debug")
    return log::Level::debug;
  return std::nullopt;
}

std::string file_in(const Path& run_folder) {
  return (run_folder / file_names::supervisor_log).string();
}

}  // namespace

void start_supervisor_log(const Path& run_folder) {
  const auto level = level_asked_for();
  logs_decisions = level.has_value();
  if (level)
    log::start(*level, file_in(run_folder));
  else
    spare = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
}

void log_decision(const std::string& message) {
  if (logs_decisions)
    log::info(message);
}

void log_problem(const Path& run_folder, const std::string& message) {
  if (const int given_up = spare.exchange(-1); given_up >= 0)
    ::close(given_up);
  if (!logs_decisions)
    log::start(log::Level::warning, file_in(run_folder));
  log::warning(message);
}

}  // namespace dstack::run

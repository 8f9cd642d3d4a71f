#include "dstack/run/supervisor/supervisor_log.hpp"

#include "dstack/base/file.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "support/catch.hpp"

#include <string>

#include <stdlib.h>

using namespace dstack;
using namespace dstack::run;

namespace {

/// The log after one decision, and after one problem; empty: there is no file.
std::pair<std::string, std::string> logged_at(const char* level) {
  const auto folder = *TemporaryFolder::make(fs::temp_directory_path());
  const Path file = folder.path() / file_names::supervisor_log;
  if (level == nullptr)
    ::unsetenv(log_level_variable);
  else
    ::setenv(log_level_variable, level, 1);
  start_supervisor_log(folder.path());
  log_decision("starts job 7");
  const std::string before = read_file(file).value_or("");
  log_problem(folder.path(), "the disk is full");
  ::unsetenv(log_level_variable);
  return {before, read_file(file).value_or("")};
}

bool holds(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("without a level there is a log only when there is a problem") {
  for (const char* level : {static_cast<const char*>(nullptr), "warning", "nonsense"}) {
    const auto [before, after] = logged_at(level);
    CHECK(before.empty());
    CHECK(holds(after, "warning the disk is full"));
  }
}

TEST_CASE("at level info and debug the log holds decisions, and problems after them") {
  for (const char* level : {"info", "debug"}) {
    const auto [before, after] = logged_at(level);
    CHECK(holds(before, "info starts job 7"));
    CHECK(holds(after, "info starts job 7"));
    CHECK(holds(after, "warning the disk is full"));
  }
}

#include "dstack/process/oom_score.hpp"

#include "dstack/base/file.hpp"
#include "dstack/base/text.hpp"
#include "dstack/process/spawn.hpp"
#include "support/catch.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace dstack;

namespace {

std::string own_score() {
  return std::string(trim(read_kernel_file("/proc/self/oom_score_adj").value_or("")));
}

/// Whether this user may lower it: root, unless a sandbox takes that away.
bool may_lower() {
  const auto tried =
      process::run({{"sh", "-c", "echo -500 > /proc/self/oom_score_adj"}, {}, "", {}});
  return tried && process::succeeded(tried->status);
}

}  // namespace

TEST_CASE("the score is lowered where that is allowed, and what is started later has the old one") {
  if (own_score() != "0")
    SKIP("somebody has chosen a score for the tests");
  const bool allowed = may_lower();

  process::protect_from_oom_killer();
  CHECK(own_score() == (allowed ? "-500" : "0"));

  process::leave_to_oom_killer();
  CHECK(own_score() == "0");
  const auto started = process::run({{"cat", "/proc/self/oom_score_adj"}, {}, "", {}});
  REQUIRE(started);
  CHECK(started->out == "0\n");
}

TEST_CASE("a score that somebody has chosen stays") {
  const pid_t child = ::fork();  // an ordinary user could not take it back from itself
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto file = open_file("/proc/self/oom_score_adj", O_WRONLY);
    const bool chosen = file && write_all(file->get(), "300");
    process::protect_from_oom_killer();
    const bool kept = own_score() == "300";
    process::leave_to_oom_killer();
    ::_exit(chosen && kept && own_score() == "300" ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

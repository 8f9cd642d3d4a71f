// A log that reaches its limit while it is followed, and afterwards.
#include "dstack/base/text.hpp"
#include "support/job_log.hpp"
#include "support/sandbox.hpp"

#include <algorithm>

#include <sys/stat.h>

using namespace dstack;
using namespace dstack::test;

namespace {

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

void limit_logs(const Sandbox& box) {
  REQUIRE(make_folders(box.home()));
  REQUIRE(write_file_atomically(box.home() / "config.yaml", "log_limit: 200KB\n", Durable::no));
}

}  // namespace

TEST_CASE(
    "of a log beyond its limit 'logs' prints the beginning and the end, and what is missing") {
  const Sandbox box;
  limit_logs(box);
  box.workflows(
      "workflows:\n"
      "  - {name: w, provider: bash, commands: [\"echo first; seq 1000000; echo last\"]}\n"
      "  - {name: v, provider: bash, depends-on: [w], commands: [\"echo other\"]}\n");
  const auto followed = box.run({"run", "v"});
  CHECK(Sandbox::code(followed) == 0);
  const std::string run = box.last_run();

  struct stat status {};

  REQUIRE(::stat((job_folder(box, run) / "log").c_str(), &status) == 0);
  CHECK(status.st_blocks * 512 <= 210'000);

  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"logs", run, "w"}, {"logs", "-f", run, "w"}}) {
    const std::string log = box.ok(words);
    CHECK(log.starts_with("first\n1\n2\n"));
    CHECK(log.ends_with("\n999999\n1000000\nlast\n"));
    CHECK(log.size() < 220'000);
    CHECK(log.find('\0') == std::string::npos);
    CHECK_THAT(log, Catch::Contains("\ndstack: "));
    CHECK_THAT(log, Catch::Contains(" of output are left out here"));
  }
  CHECK(box.ok({"logs", run, "w", "-n", "2"}) == "1000000\nlast\n");
  const std::string both = box.ok({"logs", run, "-n", "30000"});
  CHECK(lines_of(both) <= 30'000);
  CHECK(both.ends_with("w | last\nv | other\n"));
  const std::string timed = box.ok({"logs", run, "w", "--timestamps"});
  CHECK(lines_of(timed) == lines_of(box.ok({"logs", run, "w"})));
}

TEST_CASE("without a limit, and below it, a log is whole") {
  const Sandbox box;
  const std::string limit = GENERATE("none", "1GB");
  REQUIRE(make_folders(box.home()));
  REQUIRE(
      write_file_atomically(box.home() / "config.yaml", "log_limit: " + limit + "\n", Durable::no));
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"seq 100000\"]}\n");
  const std::string out = box.ok({"run", "w"});
  CHECK(lines_of(out) == 100'000);
  CHECK(box.ok({"logs"}) == out);
}

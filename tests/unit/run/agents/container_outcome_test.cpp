// What the end of a container means for its job.
#include "dstack/run/agents/container_outcome.hpp"

#include "support/catch.hpp"

#include <cerrno>

#include <signal.h>

using namespace dstack;
using namespace dstack::run;

namespace {

ContainerOutcome outcome_of(const Result<backend::ContainerEnd>& end,
                            std::uint64_t memory = 0,
                            const std::string& program = "program") {
  job::JobSpec spec;
  spec.container = job::Container{"image", {}, "", ""};
  spec.resources.memory = memory;
  return container_outcome(end, program, spec);
}

backend::ContainerEnd end_of(int code, bool out_of_memory = false) {
  backend::ContainerEnd end;
  end.code = code;
  end.out_of_memory = out_of_memory;
  return end;
}

}  // namespace

TEST_CASE("an agent ends as the program in its container did, and has nothing to report") {
  CHECK(outcome_of(end_of(3)).exit == AgentExit{3, 0});
  CHECK(outcome_of(end_of(3)).report == AgentReport());
  backend::ContainerEnd end = end_of(137);
  end.signal = SIGKILL;
  CHECK(outcome_of(end).exit == AgentExit{137, SIGKILL});
}

TEST_CASE("a container that somebody removed was killed, which the reason says") {
  backend::ContainerEnd end = end_of(137);
  end.signal = SIGKILL;
  end.removed = true;
  const auto outcome = outcome_of(end);
  CHECK(outcome.exit == AgentExit{137, SIGKILL});
  CHECK(outcome.report.message == "its container was removed while it ran");
}

TEST_CASE("usage is reported whatever the end") {
  backend::ContainerEnd end = end_of(1);
  end.usage.emplace().peak_memory = 7;
  CHECK(outcome_of(end).report.usage->peak_memory == 7);
  end.not_started = EACCES;
  CHECK(outcome_of(end).report.usage->peak_memory == 7);
}

TEST_CASE("a container whose end is unknown fails with the engine's error") {
  const auto outcome = outcome_of(fail(ErrorCode::unavailable, "the engine is gone"));
  CHECK(outcome.exit == agent_failed);
  CHECK(outcome.report.cause == job::Cause::exit);
  CHECK(outcome.report.message == "the engine is gone");
}

TEST_CASE("a program that cannot be run in the image is named, and nothing has run") {
  backend::ContainerEnd end;
  end.not_started = ENOENT;
  auto outcome = outcome_of(end);
  CHECK(outcome.exit == agent_failed);
  CHECK(outcome.report.cause == job::Cause::start);
  CHECK(outcome.report.message == "there is no program 'program' in image 'image'");
  CHECK(outcome_of(end, 0, "sh").report.message ==
        "there is no program 'sh' in image 'image'; an image without a shell needs 'entrypoint' "
        "instead of commands");
  end.not_started = EACCES;
  CHECK(outcome_of(end).report.message ==
        "'program' cannot be run in image 'image': Permission denied");
}

TEST_CASE("a program for another processor is called that, with what to do") {
  job::JobSpec spec;
  spec.container = job::Container{"image", {}, "", ""};
  backend::ContainerEnd end;
  end.not_started = ENOEXEC;
  const auto message = [&](const Platforms& platforms) {
    return container_outcome(end, "program", spec, platforms).report.message;
  };
  CHECK_THAT(message({"linux/arm64", "linux/amd64"}),
             Catch::StartsWith("image 'image' is for the processor linux/arm64, and this machine, "
                               "linux/amd64, cannot run its 'program' (exec format error)"));
  CHECK_THAT(message({"linux/arm64", "linux/amd64"}), Catch::Contains("'platform: linux/amd64'"));
  CHECK_THAT(message({"linux/amd64", "linux/amd64"}),
             Catch::Contains("neither a program for the processor of this machine, linux/amd64"));
  CHECK_THAT(message({}), Catch::Contains("nor a script that begins with '#!'"));
}

TEST_CASE("memory that was used up is the cause of a failure, and a warning otherwise") {
  const auto failed = outcome_of(end_of(137, true), 500'000'000);
  CHECK(failed.exit == AgentExit{137, 0});
  CHECK(failed.report.killed_for_memory);
  CHECK(failed.report.cause == job::Cause::oom);
  CHECK(failed.report.message ==
        "the container used up 500.0 MB of memory; 'resources: {memory: …}' or --memory gives it "
        "more");
  CHECK(outcome_of(end_of(137, true)).report.message ==
        "the container used up the machine's memory");

  const auto finished = outcome_of(end_of(0, true), 500'000'000);
  CHECK(finished.report.killed_for_memory);
  CHECK_FALSE(finished.report.cause);
  CHECK(finished.report.warning ==
        "a process of the job was killed because 500.0 MB of memory was used up");
}

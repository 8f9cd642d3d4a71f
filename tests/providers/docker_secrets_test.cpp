// Secrets in containers: with real engines, whose answers and folders are looked through.
#include "engines.hpp"
#include "support/cores.hpp"
#include "support/encodings.hpp"
#include "support/leaks.hpp"
#include "support/secrets.hpp"

using namespace dstack;
using namespace dstack::test;

namespace {

/// What the engine tells of the only container of a run.
std::string inspect(const EngineBox& box, const std::string& run) {
  const Json containers = containers_of(box.socket(), run);
  REQUIRE(containers.size() == 1);
  const auto description =
      engine_at(box.socket())
          .ask("GET", "/containers/" + json_string(containers[0], "Id") + "/json");
  REQUIRE(description);
  return render_json(*description);
}

/// What is on disk of an engine and of dstack.
void check_files(const Hunt& hunt, const EngineBox& box, const TestEngine& engine) {
  CHECK(files_with(hunt, box.root()).empty());
  CHECK(files_with(hunt, Path(DSTACK_ENGINES) / engine.name).empty());
}

void check_command_lines(const Hunt& hunt) {
  for (const Process& process : all_processes()) {
    INFO(process.pid << ": " << printable(process.words));
    CHECK(hunt.find(process.words) == "");
  }
}

}  // namespace

TEST_CASE("docker: ten thousand secrets of a container are nowhere in an engine's files") {
  if (!has_python())
    SKIP("python3 is not installed");
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    box.file("encodings.py", encodings);
    const Secrets secrets = random_secrets(secret_count);
    const Hunt hunt(encoded(box, secrets));
    add_secrets(box, secrets);
    box.workflow("    commands: [env, 'env | grep -cE ^S_[0-9]{6}=', echo ready, sleep 300]\n");
    const std::string run = box.start({"w"});
    wait_for_log(box, run, std::to_string(secrets.size()) + "\nready\n");
    CHECK(hunt.find(inspect(box, run)) == "");
    check_command_lines(hunt);
    check_files(hunt, box, engine);
    box.ok({"stop", run, "-y"});
    CHECK(box.no_container_left());
    check_files(hunt, box, engine);
  }
}

TEST_CASE("docker: the hunter finds what is not a secret in what an engine reports and keeps") {
  if (!has_python())
    SKIP("python3 is not installed");
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    box.file("encodings.py", encodings);
    const Secrets values = random_secrets(10);
    const Hunt hunt(encoded(box, values));
    const std::string value = values.at("S_100004");
    box.workflow("    environment: {PLAIN: " + value +
                 "}\n    commands: ['echo $PLAIN > /kept', echo ready, sleep 300]\n");
    const std::string run = box.start({"w"});
    wait_for_log(box, run, "ready\n");
    CHECK(hunt.find(inspect(box, run)) == value);
    CHECK_FALSE(files_with(hunt, Path(DSTACK_ENGINES) / engine.name).empty());
  }
}

TEST_CASE("docker: the process that has a container's secrets leaves no core file") {
  FOR_EACH_ENGINE(engine) {
    INFO(engine.name);
    const EngineBox box(engine);
    const CoreFiles cores(box.root());
    if (!cores.why_not().empty())
      SKIP(cores.why_not());
    const int signal = GENERATE(SIGABRT, SIGSEGV);
    process::Command plain;
    plain.argv = {"sleep", "1001"};
    const auto child = process::spawn(plain);
    REQUIRE(child);
    CHECK(cores.end(child->pid(), signal).size() > 10'000);  // one that has none does
    add_secret(box, {"TOKEN"}, "t0ken-of-a-container");
    box.workflow("    commands: [echo ready, sleep 300]\n");
    const std::string run = box.start({"w"});
    wait_for_log(box, run, "ready\n");
    CHECK(cores.end(pid_of({"dstack", "container", run + "/0"}), signal).empty());
  }
}

// What is started for a job that needs no agent.
#include "dstack/run/runner/job_command.hpp"

#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::run;

namespace {

using Arguments = std::vector<std::string>;

JobCommand command_of(Arguments setup, Arguments commands, Arguments argv) {
  job::JobSpec spec;
  spec.setup = std::move(setup);
  spec.commands = std::move(commands);
  spec.argv = std::move(argv);
  return job_command(spec, "/folder/script.sh");
}

}  // namespace

TEST_CASE("a program is started as it is") {
  const auto command = command_of({}, {}, {"program", "a b"});
  CHECK(command.arguments == Arguments{"program", "a b"});
  CHECK(command.script.empty());
}

TEST_CASE("commands are one script, behind the set-up") {
  CHECK(command_of({"a"}, {"x", "y"}, {}).arguments ==
        Arguments{"bash", "-e", "-c", "a\nx\ny", "bash"});
}

TEST_CASE("a program with a set-up is the last command of the script") {
  CHECK(command_of({"a"}, {}, {"program", "b"}).arguments ==
        Arguments{"bash", "-e", "-c", "a\nexec \"$@\"", "bash", "program", "b"});
}

TEST_CASE("a shell whose job has a stop signal of its own ends by it, after what it waits for") {
  job::JobSpec spec;
  spec.commands = {"x", "y"};
  spec.stop_signal = "INT";
  CHECK(job_command(spec, "").arguments[3] == "trap 'exit 130' INT; x\ny");
  spec.stop_signal = "TERM";
  CHECK(job_command(spec, "").arguments[3] == "x\ny");
  spec.commands.clear();
  spec.argv = {"program"};
  spec.stop_signal = "INT";
  CHECK(job_command(spec, "").arguments == Arguments{"program"});
}

TEST_CASE("a script that is too long for an argument is in a file") {
  const std::string line(100'000, 'x');
  const auto command = command_of({line}, {}, {"program", "b"});
  CHECK(command.arguments == Arguments{"bash", "-e", "/folder/script.sh", "program", "b"});
  CHECK(command.script == line + "\nexec \"$@\"\n");
  CHECK(command_of({}, {line.substr(1)}, {}).script.empty());
}

// The program on a terminal: what moves there, and what the keyboard does.
#include "pseudo_terminal.hpp"
#include "support/catch.hpp"
#include "support/sandbox.hpp"

using namespace dstack;
using dstack::test::PseudoTerminal;
using dstack::test::Sandbox;

namespace {

/// One job that waits until it is asked to end; it makes a file where the test can see that it
/// runs.
std::string waiting_workflow() {
  return "workflows:\n"
         "  - {name: w, provider: bash, commands: [\"echo begun\", \"sleep 300\"]}\n";
}

process::Command on_terminal(const Sandbox& box, const std::vector<std::string>& arguments) {
  process::Command command = box.command(arguments);
  std::erase_if(*command.environment, [](const std::string& entry) {
    for (const char* name :
         {"TERM=", "NO_COLOR=", "CLICOLOR_FORCE=", "LC_ALL=", "LANG=", "COLUMNS="})
      if (entry.rfind(name, 0) == 0)
        return true;
    return false;
  });
  command.environment->push_back("TERM=xterm-256color");
  command.environment->push_back("LC_ALL=C.UTF-8");
  return command;
}

}  // namespace

TEST_CASE("a followed run shows a line for its job below the output, and removes it at the end") {
  const Sandbox box;
  box.workflows(
      "workflows:\n"
      "  - {name: w, provider: bash, commands: [\"echo hello\", \"sleep 0.3\"]}\n");
  PseudoTerminal terminal(on_terminal(box, {"run", "w"}));

  CHECK(terminal.finish() == 0);
  CHECK(terminal.shown().find("hello\r\n") != std::string::npos);
  CHECK(terminal.shown().find("● ") != std::string::npos);
  CHECK(terminal.shown().find("\033[1A\033[J") != std::string::npos);
  CHECK(terminal.shown().find("✔") != std::string::npos);
}

TEST_CASE("the jobs of a run that is over stay on the screen with their status") {
  const Sandbox box;
  box.workflows(
      "workflows:\n"
      "  - {name: a, provider: bash, commands: [\"exit 3\"]}\n"
      "  - {name: b, provider: bash, depends-on: [a], commands: [\"true\"]}\n");
  process::Command command = on_terminal(box, {"run", "b"});
  command.environment->push_back("NO_COLOR=1");
  PseudoTerminal terminal(command);

  CHECK(terminal.finish() == 3);
  CHECK(terminal.shown().find(" ✖ a  failed (exit 3)") != std::string::npos);
  CHECK(terminal.shown().find(" - b  skipped") != std::string::npos);
}

TEST_CASE("a large artifact is shown on its way into the store, then its line goes") {
  const Sandbox box;
  box.workflows(
      "workflows:\n"
      "  - {name: w, provider: bash, artifacts: [out], "
      "commands: [\"mkdir out; truncate -s 3G out/file\"]}\n");
  PseudoTerminal terminal(on_terminal(box, {"run", "w"}));
  terminal.read_until("uploading");
  terminal.read_until("saving out  ");
  terminal.read_until(" of 3.2 GB");

  CHECK(terminal.finish() == 0);
  CHECK(terminal.shown().find("✔") != std::string::npos);
  CHECK_FALSE(fs::exists(box.home() / "runs" / box.last_run() / "0/progress"));
}

TEST_CASE("Ctrl-C asks, and 's' stops the run") {
  const Sandbox box;
  box.workflows(waiting_workflow());
  PseudoTerminal terminal(on_terminal(box, {"run", "w"}));
  terminal.read_until("begun");
  terminal.type("\003");
  terminal.read_until("[s/d/g]");
  terminal.type("s");

  CHECK(terminal.finish() == 130);
  CHECK(terminal.shown().find("stopped") != std::string::npos);
  CHECK(terminal.shown().find("Ctrl-C again kills it, and nothing is saved then") !=
        std::string::npos);
}

TEST_CASE("Ctrl-C asks, and 'd' leaves the run alone") {
  const Sandbox box;
  box.workflows(waiting_workflow());
  PseudoTerminal terminal(on_terminal(box, {"run", "w"}));
  terminal.read_until("begun");
  terminal.type("\003");
  terminal.read_until("[s/d/g]");
  terminal.type("d");

  CHECK(terminal.finish() == 0);
  CHECK(terminal.shown().find("continues") != std::string::npos);
  CHECK(box.json({"ps", "--json"})[0]["status"] == "running");
}

TEST_CASE("after 'g' the run is followed as before, and a second Ctrl-C at the question stops it") {
  const Sandbox box;
  box.workflows(waiting_workflow());
  PseudoTerminal terminal(on_terminal(box, {"run", "w"}));
  terminal.read_until("begun");
  terminal.type("\003");
  terminal.read_until("[s/d/g]");
  terminal.type("g");
  terminal.read_until("go on\r\n");
  terminal.type("\003");
  terminal.read_until("[s/d/g]");
  terminal.type("\003");

  CHECK(terminal.finish() == 130);
}

TEST_CASE("a terminal that closes never ends the run") {
  const Sandbox box;
  box.workflows(waiting_workflow());
  {
    PseudoTerminal terminal(on_terminal(box, {"run", "w"}));
    terminal.read_until("begun");
    terminal.hang_up();
  }
  CHECK(box.json({"ps", "--json"})[0]["status"] == "running");
}

TEST_CASE("colour is for terminals, and NO_COLOR and TERM=dumb turn it off") {
  const Sandbox box;
  box.workflows(waiting_workflow());
  const auto shown = [&](const std::string& variable) {
    process::Command command = on_terminal(box, {"workflows"});
    if (!variable.empty())
      command.environment->push_back(variable);
    PseudoTerminal terminal(command);
    CHECK(terminal.finish() == 0);
    return terminal.shown();
  };
  CHECK(shown("").find('\033') != std::string::npos);
  CHECK(shown("NO_COLOR=1").find('\033') == std::string::npos);
  process::Command dumb = on_terminal(box, {"workflows"});
  std::erase(*dumb.environment, "TERM=xterm-256color");
  dumb.environment->push_back("TERM=dumb");
  PseudoTerminal terminal(dumb);
  CHECK(terminal.finish() == 0);
  CHECK(terminal.shown().find('\033') == std::string::npos);
}

TEST_CASE("a question before a run is removed accepts no and yes") {
  const Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"true\"]}\n");
  box.ok({"run", "-q", "w"});
  const std::string name = box.json({"ps", "--json"})[0]["run"].get<std::string>();
  {
    PseudoTerminal terminal(on_terminal(box, {"rm", name}));
    terminal.read_until("[y/N] ");
    terminal.type("\n");
    CHECK(terminal.finish() == 1);
  }
  CHECK(box.json({"ps", "--json"}).size() == 1);
  PseudoTerminal terminal(on_terminal(box, {"rm", name}));
  terminal.read_until("[y/N] ");
  terminal.type("y\n");
  CHECK(terminal.finish() == 0);
  CHECK(box.json({"ps", "--json"}).empty());
}

TEST_CASE("a narrow screen cuts every column but the run's name") {
  const Sandbox box;
  box.workflows(
      "workflows:\n"
      "  - {name: a-workflow-with-a-very-long-name, provider: bash, commands: [\"true\"]}\n");
  box.ok({"run", "-q", "a-workflow-with-a-very-long-name"});
  const std::string name = box.json({"ps", "--json"})[0]["run"].get<std::string>();
  PseudoTerminal terminal(on_terminal(box, {"ps"}), 20, 60);

  CHECK(terminal.finish() == 0);
  CHECK(terminal.shown().find(name) != std::string::npos);
  CHECK(terminal.shown().find("…") != std::string::npos);
}

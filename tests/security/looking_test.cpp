// Commands that only look at a project run nothing of it: every program that each of them starts,
// through Git and through others as well.
#include "support/catch.hpp"
#include "support/executions.hpp"
#include "support/sandbox.hpp"

#include <cstdlib>

using namespace dstack;
using namespace dstack::test;

namespace {

/// A project that came with a repository which names programs wherever Git takes one.
struct HostileProject {
  Sandbox box;
  std::string run;

  HostileProject() {
    box.set("GIT_CONFIG_GLOBAL=/dev/null");
    box.set("GIT_CONFIG_NOSYSTEM=1");
    box.workflows(
        "workflows:\n  - {name: w, provider: bash, artifacts: [o], commands: [\"echo x > o\"]}\n");
    box.file(".gitattributes", "* filter=own diff=own\n");
    box.file("code", "c\n");
    git({"init", "-q"});
    git({"add", "-A"});
    git({"commit", "-q", "-m", "work"});
    box.ok({"run", "w", "-t", "good"});
    run = box.last_run();
    for (const char* key : {"filter.own.clean",
                            "filter.own.process",
                            "diff.own.command",
                            "diff.own.textconv",
                            "diff.external",
                            "core.fsmonitor",
                            "core.pager",
                            "core.editor",
                            "gpg.program"})
      git({"config", key, "touch " + (box.root() / "trace").string() + "; cat"});
    git({"config", "log.showSignature", "true"});
    // Now the contents have to be compared: the times are others than the index's.
    fs::last_write_time(box.project() / "code", 1'000'000'000);
  }

  void git(std::vector<std::string> arguments) const {
    process::Command command = box.command({});
    command.argv = {"git", "-c", "user.name=T", "-c", "user.email=t@example.com"};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    const auto output = process::run(command);
    REQUIRE(output);
    INFO(output->err);
    REQUIRE(process::succeeded(output->status));
  }

  /// Git in any of its parts, and this program as itself or as the host of a provider that is
  /// trusted: with the word for that role.
  static bool is_allowed(const Execution& execution) {
    const Path file = execution.file;
    if (file.filename() == "git" || file.parent_path().filename() == "git-core")
      return true;
    return file == real_path(DSTACK_BINARY) && execution.words.size() > 1 &&
           execution.words[1] == "provider-host";
  }
};

}  // namespace

TEST_CASE("commands that only look start Git and hosts of trusted providers, and nothing else") {
  const char* path = std::getenv("PATH");
  if (!process::find_program("git", path == nullptr ? "/usr/bin:/bin" : path))
    SKIP("git is not installed");
  const HostileProject project;
  const std::string& run = project.run;
  const std::vector<std::vector<std::string>> commands = {{"validate"},
                                                          {"run", "w", "--dry-run"},
                                                          {"run", "w", "--dry-run", "--json"},
                                                          {"run", "w", "--help"},
                                                          {"workflows"},
                                                          {"graph"},
                                                          {"ps", "-a"},
                                                          {"show", run},
                                                          {"logs", run},
                                                          {"code", run},
                                                          {"code", run, "--diff"},
                                                          {"artifacts", "list"},
                                                          {"tags", "list"},
                                                          {"secrets", "list"},
                                                          {"providers", "list"},
                                                          {"schema"},
                                                          {"__complete", "2", "dstack", "run", ""}};
  for (const auto& words : commands) {
    INFO(join(words, " "));
    auto executions = executions_of(project.box.command(words));
    REQUIRE_FALSE(executions.empty());
    executions.erase(executions.begin());  // the command itself
    for (const Execution& execution : executions) {
      INFO(execution.file << ": " << join(execution.words, " "));
      CHECK(HostileProject::is_allowed(execution));
    }
    CHECK_FALSE(fs::exists(project.box.root() / "trace"));
  }
}

TEST_CASE("a project that was moved is recognised without running anything of it") {
  const char* path = std::getenv("PATH");
  if (!process::find_program("git", path == nullptr ? "/usr/bin:/bin" : path))
    SKIP("git is not installed");
  const HostileProject project;
  const Path moved = project.box.root() / "moved";
  fs::rename(project.box.project(), moved);
  auto command = project.box.command({"ps", "-a"});
  command.working_dir = moved.string();
  auto executions = executions_of(command);
  REQUIRE(executions.size() > 1);  // Git was asked
  executions.erase(executions.begin());
  for (const Execution& execution : executions)
    CHECK(HostileProject::is_allowed(execution));
  CHECK_FALSE(fs::exists(project.box.root() / "trace"));
  fs::rename(moved, project.box.project());
}

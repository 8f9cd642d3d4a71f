// A project and a home of their own for one test, and the real program run in them.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/base/json.hpp"
#include "dstack/process/spawn.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

extern char** environ;

namespace dstack::test {

class Sandbox {
 public:
  Sandbox() : folder_(*TemporaryFolder::make(fs::temp_directory_path(), "dstack-test-")) {
    REQUIRE(make_folders(project()));
  }

  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  /// Nothing of a test goes on after it: a test that fails half-way leaves its runs behind.
  ~Sandbox() {
    (void)process::run(command({"stop", "--all", "--abort", "-y"}), {}, std::chrono::seconds(20));
  }

  Path root() const { return folder_.path(); }

  Path project() const { return folder_.path() / "project"; }

  Path home() const { return folder_.path() / "home"; }

  /// Writes a file of the project.
  void file(const std::string& path, const std::string& text) const {
    REQUIRE(make_folders((project() / path).parent_path()));
    REQUIRE(write_file_atomically(project() / path, text, Durable::no));
  }

  void workflows(const std::string& text) const { file(".dstack/workflows.yaml", text); }

  /// Further variables for the program, in place of those of this one: "NAME=VALUE".
  void set(const std::string& variable) { extra_.push_back(variable); }

  process::Command command(std::vector<std::string> arguments) const {
    process::Command command;
    command.argv = {DSTACK_BINARY};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    command.working_dir = project().string();
    command.environment.emplace();
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const std::string_view text = *entry;
      if (text.rfind("DSTACK_", 0) != 0 && text.rfind("GIT_", 0) != 0 &&
          text.rfind("VIRTUAL_ENV=", 0) != 0 && !is_set(text.substr(0, text.find('=') + 1)))
        command.environment->push_back(*entry);
    }
    command.environment->push_back("DSTACK_HOME=" + home().string());
    for (const std::string& variable : extra_)
      command.environment->push_back(variable);
    return command;
  }

  /// Runs `dstack ARGUMENTS` in the project to its end.
  process::Output run(const std::vector<std::string>& arguments,
                      std::chrono::milliseconds deadline = std::chrono::seconds(100)) const {
    auto output = process::run(command(arguments), {}, deadline);
    if (!output)
      FAIL(render(output.error()));
    return *std::move(output);
  }

  /// The same, for a command that must succeed; its standard output.
  std::string ok(const std::vector<std::string>& arguments) const {
    const auto output = run(arguments);
    INFO(output.err);
    REQUIRE(process::succeeded(output.status));
    return output.out;
  }

  /// The same, for a command that must fail with an exit code; what it says of why.
  std::string refused(const std::vector<std::string>& arguments, int exit_code) const {
    const auto output = run(arguments);
    INFO(output.out << output.err);
    REQUIRE(code(output) == exit_code);
    return output.err;
  }

  static int code(const process::Output& output) {
    const auto* exited = std::get_if<process::Exited>(&output.status);
    return exited == nullptr ? -1 : exited->code;
  }

  Json json(const std::vector<std::string>& arguments) const {
    auto parsed = parse_json(ok(arguments), "the output of dstack");
    REQUIRE(parsed);
    return *std::move(parsed);
  }

  /// The name of the newest run.
  std::string last_run() const { return json({"ps", "-a", "--json"})[0]["run"].get<std::string>(); }

  /// What a job of `show --json` went through.
  static std::vector<std::string> statuses(const Json& job) {
    std::vector<std::string> all;
    for (const Json& entry : job["history"])
      all.push_back(entry["status"].get<std::string>());
    return all;
  }

  /// Starts a run detached; its name.
  std::string start(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"run", "-d"});
    std::string name = ok(arguments);
    while (!name.empty() && name.back() == '\n')
      name.pop_back();
    return name;
  }

  /// Waits until the run is over (by following its log); the run as JSON.
  Json wait(const std::string& name) const {
    const auto followed = run({"logs", "-f", name});
    INFO(followed.err);
    REQUIRE(process::succeeded(followed.status));
    return json({"show", name, "--json"});
  }

 private:
  /// `name` with its `=`.
  bool is_set(std::string_view name) const {
    return std::any_of(extra_.begin(), extra_.end(), [&](const std::string& variable) {
      return variable.rfind(name, 0) == 0;
    });
  }

  TemporaryFolder folder_;
  std::vector<std::string> extra_;
};

}  // namespace dstack::test

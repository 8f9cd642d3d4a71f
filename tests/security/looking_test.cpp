// Commands that only look at a project run nothing of it: every program that each of them starts,
// through Git and through others as well. And nothing of it keeps them waiting.
#include "support/catch.hpp"
#include "support/executions.hpp"
#include "support/sandbox.hpp"

#include <cstdlib>

#include <sys/stat.h>

using namespace dstack;
using namespace dstack::test;

namespace {

std::string path_of_test() {
  const char* path = std::getenv("PATH");
  return path == nullptr ? "/usr/bin:/bin" : path;
}

bool has_git() {
  return process::find_program("git", path_of_test()).has_value();
}

void init(const Sandbox& box) {
  process::Command command = box.command({});
  command.argv = {"git", "init", "-q"};
  REQUIRE(process::run(command));
}

/// A project that came with a repository which names programs wherever Git takes one, with programs
/// that are called like those that are looked for, and with an environment of Python that is
/// active.
struct HostileProject {
  Sandbox box;
  std::string run;
  std::string traced = "touch " + (box.root() / "trace").string();

  HostileProject() {
    set_up_user();
    box.workflows(R"(workflows:
  - {name: w, provider: bash, artifacts: [o], commands: ["echo x > o"]}
  - {name: p, provider: python, file: code}
  - {name: q, provider: python, file: code, version: "3.11"}
)");
    box.file(".gitattributes", "* filter=own diff=own\n");
    box.file("code", "c\n");
    git({"init", "-q"});
    git({"add", "-A"});
    git({"commit", "-q", "-m", "work"});
    box.ok({"run", "w", "-t", "good"});
    run = box.last_run();
    name_programs_in_repository();
    make_programs();
    box.set("PATH=.::" + path_of_test());
    box.set("VIRTUAL_ENV=" + (box.project() / ".venv").string());
    // Now the contents have to be compared: the times are others than the index's.
    fs::last_write_time(box.project() / "code", 1'000'000'000);
  }

  /// Hooks are in a folder of each project.
  void set_up_user() {
    const Path configuration = box.root() / "configuration";
    REQUIRE(write_file_atomically(configuration, "[core]\n\thooksPath = .githooks\n", Durable::no));
    box.set("GIT_CONFIG_GLOBAL=" + configuration.string());
    box.set("GIT_CONFIG_NOSYSTEM=1");
  }

  void name_programs_in_repository() const {
    for (const char* key : {"filter.own.clean",
                            "filter.own.process",
                            "diff.own.command",
                            "diff.own.textconv",
                            "diff.external",
                            "core.fsmonitor",
                            "core.pager",
                            "core.editor",
                            "core.sshCommand",
                            "core.alternateRefsCommand",
                            "credential.helper",
                            "alias.status",
                            "gpg.program"})
      git({"config", key, traced + "; cat"});
    git({"config", "log.showSignature", "true"});
  }

  void make_programs() const {
    for (const char* name : {"git",
                             "uv",
                             "python",
                             "python3",
                             "python3.11",
                             "nvidia-smi",
                             "docker",
                             "podman",
                             "sh",
                             ".venv/bin/python",
                             ".venv/bin/python3",
                             ".githooks/post-index-change",
                             ".githooks/reference-transaction",
                             ".git/hooks/post-index-change"})
      program(name);
    box.file(".venv/pyvenv.cfg", "home = /usr/bin\nversion = 3.11.2\n");
    for (const char* module : {"sitecustomize.py", "usercustomize.py", "sys.py", "encodings.py"})
      box.file(module, fmt::format("open('{}', 'w')\n", (box.root() / "trace").string()));
  }

  void program(const std::string& name) const {
    box.file(name, "#!/bin/sh\n" + traced + "\n");
    fs::permissions(box.project() / name, fs::owner_all);
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

  bool is_of_project(const Path& file) const {
    return file.string().starts_with(box.project().string() + "/");
  }

  /// Git in any of its parts, an interpreter that asks what it is, and this program as itself or as
  /// the host of a provider that is trusted: with the word for that role.
  bool is_allowed(const Execution& execution, bool is_doctor) const {
    const Path file = execution.file;
    const std::string name = file.filename().string();
    if (is_of_project(file) || execution.words.empty() || is_of_project(execution.words.front()))
      return false;
    if (name == "git" || file.parent_path().filename() == "git-core")
      return true;
    if (name.starts_with("python") || name.starts_with("pypy"))
      return execution.words.size() > 1 && execution.words[1] == "-E";
    if (is_doctor)  // which asks each tool of the user's for its version
      return true;
    return file == real_path(DSTACK_BINARY) && execution.words.size() > 1 &&
           execution.words[1] == "provider-host";
  }
};

}  // namespace

TEST_CASE("commands that only look start Git and hosts of trusted providers, and nothing else") {
  if (!has_git())
    SKIP("git is not installed");
  const HostileProject project;
  const std::string& run = project.run;
  const std::vector<std::vector<std::string>> commands = {{"validate"},
                                                          {"run", "w", "--dry-run"},
                                                          {"run", "w", "--dry-run", "--json"},
                                                          {"run", "p", "--dry-run"},
                                                          {"run", "q", "--dry-run"},
                                                          {"run", "w", "--help"},
                                                          {"workflows"},
                                                          {"graph"},
                                                          {"ps", "-a"},
                                                          {"show", run},
                                                          {"logs", run},
                                                          {"code", run},
                                                          {"code", run, "--diff"},
                                                          {"code", run, "--changes"},
                                                          {"artifacts", "list"},
                                                          {"tags", "list"},
                                                          {"secrets", "list"},
                                                          {"providers", "list"},
                                                          {"schema"},
                                                          {"doctor"},
                                                          {"__complete", "--", "run", ""},
                                                          {"__complete", "--", "run", "w", "--"},
                                                          {"__complete", "--", "logs", ""}};
  for (const auto& words : commands) {
    INFO(join(words, " "));
    auto executions = executions_of(project.box.command(words));
    if (executions.empty())
      SKIP("this system does not let a process trace its child");
    executions.erase(executions.begin());  // the command itself
    for (const Execution& execution : executions) {
      INFO(execution.file << ": " << join(execution.words, " "));
      CHECK(project.is_allowed(execution, words.front() == "doctor"));
    }
    CHECK_FALSE(fs::exists(project.box.root() / "trace"));
  }
}

TEST_CASE("what is known of an active environment in the project is what its files say") {
  if (!has_git())
    SKIP("git is not installed");
  const HostileProject project;
  const std::string plan = project.box.ok({"run", "q", "--dry-run"});
  INFO(plan);
  CHECK(plan.find("3.11.2") != std::string::npos);
}

TEST_CASE("a project that was moved is recognised without running anything of it") {
  if (!has_git())
    SKIP("git is not installed");
  const HostileProject project;
  const Path moved = project.box.root() / "moved";
  fs::rename(project.box.project(), moved);
  auto command = project.box.command({"ps", "-a"});
  command.working_dir = moved.string();
  auto executions = executions_of(command);
  if (executions.empty())
    SKIP("this system does not let a process trace its child");
  REQUIRE(executions.size() > 1);  // Git was asked
  executions.erase(executions.begin());
  for (const Execution& execution : executions)
    CHECK(project.is_allowed(execution, false));
  CHECK_FALSE(fs::exists(project.box.root() / "trace"));
  fs::rename(moved, project.box.project());
}

TEST_CASE("nothing of a project keeps a look waiting, or is read that is no file of it") {
  const Sandbox box;
  const bool is_git = GENERATE(false, true);
  if (is_git && !has_git())
    SKIP("git is not installed");
  box.workflows(R"(workflows:
  - {name: w, provider: python, file: code.py, requirements: requirements.txt, env_file: .env}
)");
  for (const char* file : {"code.py", "requirements.txt", ".env"})
    box.file(file, "");
  if (is_git)
    init(box);
  const std::string name = GENERATE(as<std::string>(),
                                    "code.py",
                                    "requirements.txt",
                                    ".env",
                                    "pyproject.toml",
                                    ".python-version",
                                    ".dstackignore",
                                    ".gitignore",
                                    "sub/.gitignore",
                                    ".gitattributes",
                                    ".dstack/variables.yaml",
                                    ".dstack/workflows/more.yaml",
                                    ".dstack/plugins/own.so");
  const std::string target = GENERATE(as<std::string>(), "", "/dev/zero", "/proc/self/environ");
  INFO(name << " -> " << target << (is_git ? ", with Git" : ""));
  const Path file = box.project() / name;
  REQUIRE(make_folders(file.parent_path()));
  fs::remove(file);
  if (target.empty())
    REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
  else
    fs::create_symlink(target, file);
  auto command = [&](std::vector<std::string> words) {
    auto made = box.command(std::move(words));
    made.environment->push_back("CANARY=a-value-of-the-caller");
    return made;
  };
  for (const std::vector<std::string>& words : {std::vector<std::string>{"validate"},
                                                {"run", "w", "--dry-run"},
                                                {"__complete", "--", "run", ""}}) {
    INFO(join(words, " "));
    const auto output = process::run(command(words), {}, std::chrono::seconds(60));
    REQUIRE(output);  // else it is still waiting
    INFO(output->out << output->err);
    CHECK(std::holds_alternative<process::Exited>(output->status));
    CHECK((output->out + output->err).find("a-value-of-the-caller") == std::string::npos);
  }
}

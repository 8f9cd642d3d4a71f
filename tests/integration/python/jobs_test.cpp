// What a job sees of its environment.
#include "dstack/base/environment_variable.hpp"
#include "dstack/base/text.hpp"
#include "dstack/python/installed.hpp"
#include "dstack/python/job_pip.hpp"
#include "workbench.hpp"

#include <fcntl.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::python;

namespace {

/// Every way by which a job might change what it shares with others; what succeeded is returned.
std::string changes_possible(const Path& folder) {
  std::string wrong;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (fs::is_symlink(entry.path()))
      continue;
    if (fs::is_directory(entry.path()) && ::access(entry.path().c_str(), W_OK) == 0)
      wrong += "folder " + entry.path().string() + "\n";
    if (fs::is_regular_file(entry.path()) && open_file(entry.path().string(), O_WRONLY))
      wrong += "file " + entry.path().string() + "\n";
  }
  if (::access(folder.c_str(), W_OK) == 0)
    wrong += "the folder itself\n";
  return wrong;
}

std::string check_read_only(Workbench::With installer, std::string& reason) {
  Workbench at(installer);
  reason = at.reason;
  if (reason.empty() &&
      !as_ordinary_user(at.root, [&] {
         return outcome({at.interpreter.program.string(), "-c", ""}) == "exit code 0" ? "" : "no";
       }).empty())
    reason = "an ordinary user cannot start '" + at.interpreter.program.string() + "'";
  if (!reason.empty())
    return "";
  at.add_wheel("greet", "1.0", "word = 'hello'\n");
  at.write("code/requirements.txt", "greet\n-f wheels\n");
  const auto body = [&]() -> std::string {
    const auto made = at.provide({"", {"requirements.txt"}, {}});
    if (!made)
      return "not made: " + render(made.error());
    const std::string greeting =
        outcome({made->program.string(), "-c", "import greet; print(greet.word)"});
    return changes_possible(made->folder) + (greeting == "hello\nexit code 0" ? "" : greeting);
  };
  return as_ordinary_user(at.root, body);
}

constexpr const char* refusal =
    "error: this environment is shared by all runs, so 'pip install' cannot change it\n"
    "hint: add the package to the file that the workflow names under 'requirements'; the next run "
    "has it\n"
    "hint: 'pip install --target DIR' installs into a folder of this job\n"
    "exit code 1";

void check_pip_notice(Workbench& at) {
  at.add_wheel("greet", "1.0", "word = 'hello'\n");
  const PythonEnvironment made = at.provided({"", {}, {"-f wheels", "greet"}});
  const std::string path = made.bin.string() + ":/usr/bin:/bin";
  CHECK(outcome({(made.bin / "pip").string(), "install", "six"}, path) == refusal);
  CHECK(outcome({(made.bin / "pip3").string(), "--quiet", "install", "six"}, path) == refusal);
  const std::string& version = at.interpreter.version;
  const std::string of_version = "pip" + version.substr(0, version.rfind('.'));
  CHECK(outcome({(made.bin / of_version).string(), "install", "six"}, path) == refusal);
  CHECK(outcome({made.program.string(), "-m", "pip", "install", "six"}, path) == refusal);
  const auto pip = [&](std::vector<std::string> words) {
    words.insert(words.begin(), (made.bin / "pip").string());
    return outcome(std::move(words), path);
  };
  const auto has = [](const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
  };
  CHECK(has(pip({"freeze"}), "greet==1.0\n"));
  CHECK(has(pip({"list", "--format=json"}), R"([{"name": "greet", "version": "1.0"}])"));
  CHECK(has(pip({"show", "greet"}), "Name: greet\nVersion: 1.0\n"));
  CHECK(pip({"config", "list"}).ends_with("exit code 0"));
  CHECK(has(pip({"--version"}), "from "));
  CHECK(has(pip({"uninstall", "-y", "greet"}), "so 'pip uninstall' cannot change it"));
  // What is there already changes nothing: scripts often begin with such a line.
  CHECK(pip({"install", "greet"}).ends_with("exit code 0"));
  CHECK(pip({"install", "greet>=1,<2"}).ends_with("exit code 0"));
  CHECK(has(pip({"install", "greet>=2"}), "cannot change it"));
  CHECK(has(pip({"install", "--upgrade", "greet"}), "cannot change it"));

  at.add_wheel("other", "2.0", "word = 'other'\n");
  const std::string wheels = (at.code() / "wheels").string();
  const std::string target = (at.root / "target").string();
  const std::vector<std::string> offline = {"--no-index", "--find-links", wheels, "other"};
  const auto with = [&](std::vector<std::string> words) {
    words.insert(words.end(), offline.begin(), offline.end());
    return pip(std::move(words));
  };
  CHECK(has(with({"install"}), "cannot change it"));
  CHECK(with({"install", "--target", target}).ends_with("exit code 0"));
  CHECK(fs::exists(at.root / "target/other.py"));
  CHECK(with({"install", "--prefix", target + "/prefix"}).ends_with("exit code 0"));
  at.add_wheel("greet", "2.0", "word = 'newer'\n");  // beside the environment's older one
  CHECK(pip({"install",
             "--prefix",
             target + "/prefix",
             "--no-index",
             "--find-links",
             wheels,
             "greet==2.0"})
            .ends_with("exit code 0"));
  CHECK(with({"install", "--tar", target + "/short"}).ends_with("exit code 0"));
  CHECK(with({"download", "-d", target + "/downloads"}).ends_with("exit code 0"));
  CHECK(fs::exists(at.root / "target/downloads/other-2.0-py3-none-any.whl"));
  CHECK(with({"wheel", "-w", target + "/wheels"}).ends_with("exit code 0"));
  CHECK(has(pip({"freeze"}), "greet==1.0\n"));
  CHECK(!has(pip({"freeze"}), "other"));
}

/// As a job is given it: words before a command.
std::vector<std::string> job_variables(const PythonEnvironment& made, const Path& own) {
  const auto made_folders = make_job_packages(made.folder, own);
  REQUIRE(made_folders);
  REQUIRE(made_folders->size() == 1);
  const std::string folders = made_folders->front().string();
  return {"/usr/bin/env",
          std::string(job_packages_variable) + "=" + own.string(),
          "PYTHONPATH=" + folders,
          "VIRTUAL_ENV=" + made.folder.string(),
          "PATH=" + (own / "bin").string() + ":" + made.bin.string() + ":/usr/bin:/bin"};
}

/// What a job installs is there for it alone, and the environment is as it was.
void check_own_packages(Workbench& at, std::vector<std::string> installer) {
  at.add_wheel("greet", "1.0", "word = 'hello'\n");
  at.add_wheel("base", "1.0", "word = 'base'\n");
  const PythonEnvironment made = at.provided({"", {}, {"-f wheels", "greet", "base"}});
  at.add_wheel("greet", "2.0", "word = 'newer'\n");
  at.add_wheel(
      "other", "2.0", "word = 'other'\n", "Requires-Dist: base\nRequires-Dist: greet (>=2)\n");
  const auto variables = job_variables(made, at.root / "own");
  const auto in_job = [&](std::vector<std::string> words) {
    words.insert(words.begin(), variables.begin(), variables.end());
    return outcome(std::move(words), made.bin.string() + ":/usr/bin:/bin");
  };
  const std::string words =
      "import greet, base, other; from importlib.metadata import version; "
      "print(greet.word, base.word, other.word, version('greet'))";
  for (const char* word : {"--no-index", "--find-links"})
    installer.emplace_back(word);
  installer.push_back((at.code() / "wheels").string());
  installer.emplace_back("other");
  const std::string installed = in_job(installer);
  INFO(installed);
  CHECK(installed.find("note: installed for this job alone") != std::string::npos);
  CHECK(installed.ends_with("exit code 0"));
  CHECK(in_job({"python", "-c", words}) == "newer base other 2.0\nexit code 0");
  CHECK_FALSE(fs::exists(at.root / "own/lib/base.py"));
  CHECK(installed_packages(at.root / "own/bin/python") == "greet==2.0\nother==2.0\n");
  // Others, and the environment itself.
  CHECK(outcome({made.program.string(), "-c", "import greet; print(greet.word)"}) ==
        "hello\nexit code 0");
  CHECK(outcome({made.program.string(), "-c", "import other"}).ends_with("exit code 1"));
}

void check_own_packages_of_pip(Workbench& at) {
  check_own_packages(at, {"pip", "install"});
  const PythonEnvironment made = at.provided({"", {}, {"-f wheels", "greet", "base"}});
  const auto variables = job_variables(made, at.root / "own");
  const auto pip = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"python", "-m", "pip"});
    words.insert(words.begin(), variables.begin(), variables.end());
    return outcome(std::move(words), "/usr/bin:/bin");
  };
  const std::string wheels = (at.code() / "wheels").string();
  at.add_wheel("greet", "3.0", "word = 'newest'\n");
  CHECK(pip({"install", "--no-index", "-f", wheels, "greet>=3"}).ends_with("exit code 0"));
  CHECK(installed_packages(at.root / "own/bin/python") == "greet==3.0\nother==2.0\n");
  CHECK(pip({"uninstall", "-y", "other"}).ends_with("exit code 0"));
  CHECK(installed_packages(at.root / "own/bin/python") == "greet==3.0\n");
  const auto imported = [&](const std::string& name) {
    std::vector<std::string> words = variables;
    words.insert(words.end(), {"python", "-c", "import " + name});
    return outcome(std::move(words), "/usr/bin:/bin");
  };
  CHECK(imported("other").ends_with("exit code 1"));
  CHECK(imported("greet") == "exit code 0");
  CHECK(pip({"uninstall", "-y", "greet", "nowhere"}).ends_with("exit code 0"));
  CHECK(pip({"uninstall", "-y", "nowhere"}).ends_with("exit code 0"));
  CHECK(installed_packages(at.root / "own/bin/python").empty());
  CHECK(pip({"uninstall", "-y", "base"}).find("cannot change it") != std::string::npos);
  CHECK(pip({"install", "--upgrade", "pip"}) == "Requirements already satisfied\nexit code 0");
  CHECK(pip({"install", "--no-index", "missing"}).ends_with("exit code 1"));
}

void check_uv(Workbench& at) {
  at.add_wheel("greet", "1.0", "word = 'hello'\n");
  at.add_wheel("other", "2.0", "word = 'other'\n");
  const PythonEnvironment made = at.provided({"", {}, {"-f wheels", "greet"}});
  const auto uv = [&](const std::string& words, const std::string& folder) {
    return outcome({"/bin/sh",
                    "-c",
                    "VIRTUAL_ENV=" + shell_quote(folder) + " exec " +
                        shell_quote((made.bin / "uv").string()) + " --offline --no-cache " + words},
                   made.bin.string() + ":/usr/bin:/bin");
  };
  const auto has = [](const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
  };
  const std::string folder = made.folder.string();
  const std::string wheels =
      " --no-index --find-links " + shell_quote((at.code() / "wheels").string()) + " other";
  CHECK(has(uv("pip freeze", folder), "greet==1.0\n"));
  CHECK(has(uv("pip install" + wheels, folder),
            "so 'uv pip install' cannot change it\nhint: change the file that"));
  CHECK(has(uv("pip uninstall greet", folder), "so 'uv pip uninstall' cannot change it"));
  CHECK(uv("pip install greet", folder).ends_with("exit code 0"));
  const std::string target = shell_quote((at.root / "target").string());
  CHECK(uv("pip install --target " + target + wheels, folder).ends_with("exit code 0"));
  CHECK(fs::exists(at.root / "target/other.py"));
  CHECK(uv("pip install --dry-run" + wheels, folder).ends_with("exit code 0"));
  // Another environment is none of its business.
  const std::string own = shell_quote((at.root / "own").string());
  CHECK(uv("venv -q --python " + shell_quote(made.program.string()) + " " + own, folder)
            .ends_with("exit code 0"));
  CHECK(uv("pip install" + wheels, (at.root / "own").string()).ends_with("exit code 0"));
}

void check_pip_that_is_wanted(Workbench& at) {
  at.add_wheel("pip", "99.0", "word = 'real pip'\n");
  at.add_wheel("tool", "1.0", "", "Requires-Dist: pip (>=90)\n");
  const PythonEnvironment made = at.provided({"", {}, {"-f wheels", "tool"}});
  CHECK(outcome({made.program.string(), "-c", "import pip; print(pip.word)"}) ==
        "real pip\nexit code 0");
}

}  // namespace

TEST_CASE("an ordinary user's job can change nothing in an environment that pip made") {
  std::string reason;
  CHECK(check_read_only(Workbench::With::pip, reason) == "");
  if (!reason.empty())
    SKIP(reason);
}

TEST_CASE("an ordinary user's job can change nothing in an environment that uv made") {
  std::string reason;
  CHECK(check_read_only(Workbench::With::uv, reason) == "");
  if (!reason.empty())
    SKIP(reason);
}

TEST_CASE("pip install in a job says why it fails and what to do, where pip made the environment") {
  Workbench at(Workbench::With::pip);
  if (!at.usable())
    SKIP(at.reason);
  check_pip_notice(at);
}

TEST_CASE("pip install in a job says why it fails and what to do, where uv made the environment") {
  Workbench at(Workbench::With::uv);
  if (!at.usable())
    SKIP(at.reason);
  check_pip_notice(at);
}

TEST_CASE("what a job installs is its own, where pip made the environment") {
  Workbench at(Workbench::With::pip);
  if (!at.usable())
    SKIP(at.reason);
  check_own_packages_of_pip(at);
}

TEST_CASE("what a job installs is its own, where uv made the environment") {
  Workbench at(Workbench::With::uv);
  if (!at.usable())
    SKIP(at.reason);
  SECTION("with pip") {
    check_own_packages_of_pip(at);
  }
  SECTION("with uv") {
    check_own_packages(at, {"uv", "--offline", "--no-cache", "pip", "install"});
  }
}

TEST_CASE("packages of a job and of its environment are one list") {
  CHECK(merge_packages("a==1\nMy_B==1\nc @ file:///c\n", "my-b==2\nd==1\n") ==
        "a==1\nc @ file:///c\nd==1\nmy-b==2\n");
  CHECK(merge_packages("", "a==1\n") == "a==1\n");
}

TEST_CASE(
    "uv in a job does what leaves the environment as it is, and says why it refuses the rest") {
  Workbench at(Workbench::With::uv);
  if (!at.usable())
    SKIP(at.reason);
  check_uv(at);
}

TEST_CASE("a pip that packages ask for stays in an environment that uv made") {
  Workbench at(Workbench::With::uv);
  if (!at.usable())
    SKIP(at.reason);
  check_pip_that_is_wanted(at);
}

TEST_CASE("a pip that packages ask for stays in an environment that pip made") {
  Workbench at(Workbench::With::pip);
  if (!at.usable())
    SKIP(at.reason);
  check_pip_that_is_wanted(at);
}

TEST_CASE("files of the user's uv cache keep their modes") {
  Workbench at(Workbench::With::uv);
  if (!at.usable())
    SKIP(at.reason);
  at.add_wheel("greet", "1.0", "word = 'hello'\n");
  at.variables["UV_CACHE_DIR"] = (at.root / "cache").string();
  (void)at.provided({"", {}, {"-f wheels", "greet"}});
  bool found = false;
  for (const auto& entry : fs::recursive_directory_iterator(at.root / "cache"))
    if (entry.path().filename() == "greet.py") {
      found = true;
      CHECK((fs::status(entry.path()).permissions() & fs::owner_write) != fs::no_perms);
    }
  CHECK(found);
}

TEST_CASE("without requirements the interpreter is used as it is, by the name python") {
  const EnvironmentFolder at;
  const auto found = find_interpreters(environment_variable).usable;
  if (found.empty())
    SKIP("there is no Python on this machine");
  for (const Interpreter& interpreter : found) {
    CAPTURE(interpreter.program.string(), interpreter.version);
    const auto provided = provide_environment({}, interpreter, at.root, at.home(), at.lookup(), -1);
    REQUIRE(provided);
    CHECK(provided->folder.empty());
    CHECK_FALSE(provided->made);
    const std::string question =
        "import sys, sysconfig; print(sys.prefix, sysconfig.get_paths()['purelib'], sys.version)";
    const std::string itself = outcome({interpreter.program.string(), "-c", question});
    const std::string path = provided->bin.string() + ":/usr/bin:/bin";
    const std::string shell = "exec python -c \"" + question + "\"";
    CHECK(outcome({"/bin/sh", "-c", shell}, path) == itself);
  }
}

TEST_CASE("an active environment is used as it is, with what is installed in it") {
  Workbench at(Workbench::With::pip);
  if (!at.usable())
    SKIP(at.reason);
  const Path venv = at.root / "my venv";
  REQUIRE(
      outcome({at.interpreter.program.string(), "-m", "venv", "--without-pip", venv.string()}) ==
      "exit code 0");
  at.variables["VIRTUAL_ENV"] = venv.string();

  const auto choice = choose_interpreter({}, at.lookup(), at.home(), Effects::allowed);
  REQUIRE(choice);
  CHECK(choice->interpreter.program == venv / "bin/python");
  CHECK(choice->notice ==
        "no version named: using Python " + at.interpreter.version + " of the active environment");
  const auto provided =
      provide_environment({}, choice->interpreter, at.code(), at.home(), at.lookup(), -1);
  REQUIRE(provided);
  CHECK(provided->bin == venv / "bin");
  CHECK(outcome({"/bin/sh", "-c", "python -c 'import sys; print(sys.prefix)'"},
                provided->bin.string()) == venv.string() + "\nexit code 0");

  SECTION("requirements get an environment of their own beside it") {
    at.write("code/requirements.txt", "\n");
    at.interpreter = choice->interpreter;
    const PythonEnvironment made = at.provided({"", {"requirements.txt"}, {}});
    CHECK(outcome({made.program.string(), "-c", "import sys; print(sys.prefix)"}) ==
          made.folder.string() + "\nexit code 0");
  }
}

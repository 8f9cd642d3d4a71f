// Environments of the files that projects ship: pyproject.toml, uv.lock, environment.yaml.
#include "dstack/python/project_files.hpp"

#include "dstack/base/environment_variable.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/python/conda.hpp"
#include "support/results.hpp"
#include "support/text.hpp"
#include "workbench.hpp"

using namespace dstack;
using namespace dstack::python;
using dstack::test::failure_of;
using dstack::test::holds;

namespace {

std::string said_by(const PythonEnvironment& environment, const std::string& program) {
  return outcome({environment.program.string(), "-c", program});
}

void check_project(Workbench& at) {
  at.add_wheel("greet", "1.0", "word = 'hello'\n");
  at.add_wheel("extra", "1.0", "word = 'more'\n");
  at.add_wheel("check", "1.0", "word = 'checked'\n");
  at.add_project("libs/other", "other", "word = 'lib'\n");
  at.variables["PIP_FIND_LINKS"] = (at.code() / "wheels").string();
  const std::string project =
      "[project]\nname = 'demo'\nversion = '1'\ndependencies = ['greet', 'other']\n"
      "[project.optional-dependencies]\nmore = ['extra']\n"
      "[tool.uv.sources]\nother = {path = 'libs/other'}\n";
  at.write("code/pyproject.toml", project);
  const std::string program = "import greet, other; print(greet.word, other.word)";

  const auto plain = at.provided({"", {"pyproject.toml"}, {}});
  CHECK(said_by(plain, program) == "hello lib\nexit code 0");
  CHECK(holds(said_by(plain, "import extra"), "No module named 'extra'"));
  const auto more = at.provided({"", {"pyproject.toml[more]"}, {}});
  CHECK(more.folder != plain.folder);
  CHECK(said_by(more, "import greet, extra; print(extra.word)") == "more\nexit code 0");

  // Of the rest of the file nothing depends.
  at.write("code/pyproject.toml", project + "[tool.ruff]\nline-length = 100\n");
  CHECK_FALSE(at.provided({"", {"pyproject.toml"}, {}}).made);
  at.write("code/pyproject.toml", project + "[dependency-groups]\ndev = ['extra']\n");
  const auto dev = at.provided({"", {"pyproject.toml:dev"}, {}});
  CHECK(dev.folder == more.folder);  // the same packages
  at.write("code/pyproject.toml", project + "[dependency-groups]\ntest = ['check']\n");
  const auto both = at.provided({"", {"pyproject.toml[more]:test"}, {}});
  CHECK(said_by(both, "import extra, check; print(check.word)") == "checked\nexit code 0");
  at.write("code/libs/other/other.py", "word = 'edited'\n");
  CHECK(said_by(at.provided({"", {"pyproject.toml"}, {}}), program) == "hello edited\nexit code 0");
}

void write_locked_project(Workbench& at) {
  at.add_wheel("greet", "1.0", "word = 'hello'\n");
  at.add_wheel("tool", "1.0", "word = 'tool'\n");
  at.add_project("", "demo", "word = 'mine'\n");
  at.write("code/pyproject.toml",
           *read_file(at.code() / "pyproject.toml") +
               "requires-python = '>=3.8'\ndependencies = ['greet']\n"
               "[dependency-groups]\ndev = ['tool']\n"
               "[[tool.uv.index]]\nname = 'wheels'\nurl = './wheels'\nformat = 'flat'\n"
               "default = true\n");
  const std::string made = outcome({(at.root / "tools/uv").string(),
                                    "lock",
                                    "--offline",
                                    "--quiet",
                                    "--python",
                                    at.interpreter.program.string(),
                                    "--cache-dir",
                                    (at.root / "uv cache").string(),
                                    "--project",
                                    at.code().string()});
  REQUIRE(made == "exit code 0");
  at.add_wheel("greet", "2.0", "word = 'not locked'\n");
}

}  // namespace

TEST_CASE("pip installs what a pyproject.toml names") {
  Workbench at(Workbench::With::pip);
  if (!at.usable())
    SKIP(at.reason);
  check_project(at);
}

TEST_CASE("uv installs what a pyproject.toml names") {
  Workbench at(Workbench::With::uv);
  if (!at.usable())
    SKIP(at.reason);
  check_project(at);
}

TEST_CASE("what a local package takes from a workspace is installed, not linked to a copy") {
  Workbench at(Workbench::With::uv);
  if (!at.usable())
    SKIP(at.reason);
  at.write("code/pyproject.toml", "[tool.uv.workspace]\nmembers = ['libs/*']\n");
  at.add_project("libs/core", "core", "word = 'core'\n");
  at.add_project("libs/app", "app", "from core import word\n");
  at.write("code/libs/app/pyproject.toml",
           *read_file(at.code() / "libs/app/pyproject.toml") +
               "dependencies = ['core']\n[tool.uv.sources]\ncore = {workspace = true}\n");
  const auto made = at.provided({"", {"libs/app/pyproject.toml+project"}, {}});
  CHECK(said_by(made, "import app; print(app.word)") == "core\nexit code 0");
  at.write("code/libs/core/core.py", "word = 'edited'\n");
  CHECK(said_by(at.provided({"", {"libs/app/pyproject.toml+project"}, {}}),
                "import app; print(app.word)") == "edited\nexit code 0");
}

TEST_CASE("requirements files may be called like addresses and options") {
  for (const auto installer : {Workbench::With::pip, Workbench::With::uv}) {
    Workbench at(installer);
    if (!at.usable())
      SKIP(at.reason);
    at.add_wheel("greet", "1.0", "word = 'hello'\n");
    at.write("code/train:gpu.txt", "-f wheels\ngreet\n");
    at.write("code/-more.txt", "-f wheels\ngreet==1.0\n");
    const auto made = at.provided({"", {"train:gpu.txt", "-more.txt"}, {}});
    CHECK(said_by(made, "import greet; print(greet.word)") == "hello\nexit code 0");
  }
}

TEST_CASE("uv installs what a uv.lock has, with groups and the project where they are named") {
  Workbench at(Workbench::With::uv);
  if (!at.usable())
    SKIP(at.reason);
  write_locked_project(at);

  const auto plain = at.provided({"", {"uv.lock"}, {}});
  CHECK(said_by(plain, "import greet; print(greet.word)") == "hello\nexit code 0");
  CHECK(*read_file(plain.packages) == "greet==1.0\n");
  const auto dev = at.provided({"", {"uv.lock:dev"}, {}});
  CHECK(said_by(dev, "import greet, tool; print(tool.word)") == "tool\nexit code 0");
  const auto whole = at.provided({"", {"uv.lock+project"}, {}});
  CHECK(said_by(whole, "import demo, greet; print(demo.word)") == "mine\nexit code 0");
  CHECK(said_by(at.provided({"", {"uv.lock"}, {"-f wheels", "tool"}}),
                "import tool, greet; print(greet.word)") == "hello\nexit code 0");

  at.write("code/demo.py", "word = 'edited'\n");
  CHECK_FALSE(at.provided({"", {"uv.lock"}, {}}).made);
  CHECK(said_by(at.provided({"", {"uv.lock+project"}, {}}), "import demo; print(demo.word)") ==
        "edited\nexit code 0");
}

TEST_CASE("a uv.lock without uv, and an environment.yaml without conda, say what to install") {
  Workbench at(Workbench::With::pip);
  if (!at.usable())
    SKIP(at.reason);
  at.write("code/uv.lock", "version = 1\n");
  at.write("code/pyproject.toml", "[project]\nname = 'x'\n");
  at.write("code/environment.yaml", "dependencies: [python]\n");
  at.variables["PATH"] = (at.root / "nothing").string();
  for (const auto& [file, program] :
       {std::pair("uv.lock", "needs uv"), std::pair("environment.yaml", "needs micromamba")}) {
    const Error built = failure_of(at.provide({"", {file}, {}}));
    CHECK(holds(built.message, program));
    CHECK(holds(built.hint, "install "));
    CHECK(failure_of(check_project_files({"", {file}, {}}, at.code(), at.lookup())).message ==
          built.message);
  }
}

TEST_CASE("files whose paths need a job's variables are not looked at before it starts") {
  const EnvironmentFolder at;
  at.write("pyproject.toml", "[project]\nname = 'x'\n");
  at.write("r.txt", "-r ${FOLDER_OF_THE_JOB}/more.txt\n");
  CHECK(check_project_files({"", {"pyproject.toml", "r.txt"}, {}}, at.root, at.lookup()));
  const Error wrong = failure_of(
      check_project_files({"", {"pyproject.toml[a]", "r.txt"}, {}}, at.root, at.lookup()));
  CHECK(wrong.message == "'pyproject.toml' has no extra 'a'");
}

TEST_CASE("conda makes what an environment.yaml names") {
  Workbench at(Workbench::With::pip);
  if (!at.usable())
    SKIP(at.reason);
  // The program makes a virtual environment where conda would make its own.
  at.write("tools/micromamba",
           "#!/bin/sh\n[ \"$1 $2 $3 $5\" = 'create --yes --prefix --file' ] || exit 2\n"
           "grep -q python \"$6\" && echo 'Transaction finished' && exec " +
               at.interpreter.program.string() + " -m venv --without-pip \"$4\"\n",
           0755);
  at.variables["PATH"] = (at.root / "tools").string() + ":/usr/bin:/bin";
  at.add_wheel("greet", "1.0", "word = 'hello'\n");
  at.write("code/sub/environment.yaml", "dependencies:\n  - python=3.11\n");

  const job::PythonRequest request{"", {"sub/environment.yaml"}, {"-f wheels", "greet"}};
  const Interpreter none{{}, "", "conda"};
  const auto made = provide_environment(request, none, at.code(), at.home(), at.lookup(), -1);
  if (!made)
    FAIL(render(made.error()));
  CHECK(said_by(*made, "import greet; print(greet.word)") == "hello\nexit code 0");
  const auto again = provide_environment(request, none, at.code(), at.home(), at.lookup(), -1);
  REQUIRE(again);
  CHECK_FALSE(again->made);
  at.write("code/sub/environment.yaml", "dependencies: []\n");
  const Error failed =
      failure_of(provide_environment(request, none, at.code(), at.home(), at.lookup(), -1));
  CHECK(failed.message.starts_with(
      "cannot make the environment of 'sub/environment.yaml': micromamba ended with exit code 1"));
}

TEST_CASE("the conda of this machine makes an environment with its Python") {
  const auto program = find_conda(environment_variable);
  if (!program)
    SKIP("there is no micromamba, mamba or conda here");
  const EnvironmentFolder at;
  at.write("code/environment.yaml", "dependencies: [python, six]\n");
  const Interpreter none{{}, "", "conda"};
  const auto made = provide_environment(
      {"", {"environment.yaml"}, {}}, none, at.root / "code", at.home(), environment_variable, -1);
  if (!made)
    SKIP("its channels cannot be reached: " + made.error().message);
  CHECK(said_by(*made, "import six; print(six.__name__)") == "six\nexit code 0");
  CHECK(holds(*read_file(made->packages), "six="));
}

TEST_CASE("code is imported from where the project has it") {
  const EnvironmentFolder at;
  at.write("a/pyproject.toml", "[project]\n");
  at.write("a/src/pkg/__init__.py", "");
  at.write("b/pyproject.toml", "[project]\n[build-system]\nrequires = []\n");
  at.write("c/pyproject.toml", "[project]\n");
  at.write("src/x.py", "");
  at.write("r.txt", "");
  const auto folders = [&](std::vector<std::string> files) {
    return import_folders({"", std::move(files), {}}, at.root);
  };
  CHECK(folders({"a/uv.lock", "a/pyproject.toml[x]"}) == std::vector<Path>{at.root / "a/src"});
  CHECK(folders({"b/pyproject.toml"}) == std::vector<Path>{at.root / "b"});
  CHECK(folders({"c/pyproject.toml", "r.txt"}).empty());
  CHECK(folders({"a/uv.lock+project"}).empty());
}

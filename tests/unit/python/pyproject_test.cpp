#include "dstack/python/pyproject.hpp"

#include "dstack/python/lock.hpp"
#include "support/environment_folder.hpp"
#include "support/results.hpp"
#include "support/text.hpp"

using namespace dstack;
using namespace dstack::python;
using dstack::test::failure_of;
using dstack::test::holds;
using dstack::test::value_of;

namespace {

/// The lines of a requirements file, with paths in angle brackets.
std::string lines(const std::string& text, const std::string& source = "pyproject.toml") {
  const TomlValue root = value_of(parse_toml(text, "pyproject.toml"));
  std::string all;
  for (const ProjectRequirement& line :
       value_of(project_requirements(root, job::parse_requirements_source(source))))
    all += line.text + (line.local.empty() ? "" : "<" + line.local + ">") + line.after + "\n";
  return all;
}

Error wrong(const std::string& text, const std::string& source = "pyproject.toml") {
  const TomlValue root = value_of(parse_toml(text, "pyproject.toml"));
  return failure_of(project_requirements(root, job::parse_requirements_source(source)));
}

constexpr const char* demo = R"([project]
name = "My.Demo"
dependencies = ["numpy>=1.26", "tomli>=2 ; python_version < '3.11'"]

[project.optional-dependencies]
gpu = ["cupy[all]~=13.0"]
viz = ["matplotlib"]
All = ["my-demo[gpu,viz]"]
old = ["my_demo[viz]; python_version < '3.12'"]

[dependency-groups]
lint = ["ruff"]
dev = ["pytest", {include-group = "lint"}]
)";

constexpr const char* lock = R"(version = 1
[[package]]
name = "demo"
source = { editable = "." }
[package.metadata]
requires-dist = [{ name = "six" }, { name = "lib", editable = "lib" }]
[[package]]
name = "lib"
source = { editable = "lib" }
[[package]]
name = "six"
source = { registry = "https://pypi.org/simple" }
)";

}  // namespace

TEST_CASE("a project's dependencies come with the extras and groups that are named") {
  const std::string plain = "numpy>=1.26\ntomli>=2 ; python_version < '3.11'\n";
  CHECK(lines(demo) == plain);
  CHECK(lines(demo, "pyproject.toml[gpu]") == plain + "cupy[all]~=13.0\n");
  CHECK(lines(demo, "pyproject.toml[all]") == plain + "cupy[all]~=13.0\nmatplotlib\n");
  CHECK(lines(demo, "pyproject.toml[old]") == plain + "matplotlib ; python_version < '3.12'\n");
  CHECK(lines(demo, "pyproject.toml:dev") == plain + "pytest\nruff\n");
  CHECK(lines(demo, "pyproject.toml:dev,lint") == plain + "pytest\nruff\n");
  CHECK(lines("[project]\nname = 'x'\n").empty());
  CHECK(lines("[dependency-groups]\na = ['six']\n", "pyproject.toml:a") == "six\n");
  CHECK(lines(demo, "pyproject.toml[gpu]+project") == "<.>[gpu]\n");
  const std::string older = "[tool.uv]\ndev-dependencies = ['six']\n";  // uv's, of before groups
  CHECK(lines(older, "pyproject.toml:dev") == "six\n");
  CHECK(lines("[dependency-groups]\ndev = ['pip']\n" + older, "pyproject.toml:dev") ==
        "pip\nsix\n");
  CHECK(wrong(older, "pyproject.toml:test").message == "'pyproject.toml' has no group 'test'");
}

TEST_CASE("where packages come from is as [tool.uv] says") {
  CHECK(lines(R"([project]
dependencies = ["a>1; os_name == 'x'", "b", "c[e]", "d", "e @ https://h/e.zip"]
[tool.uv.sources]
a = { path = "libs/a", editable = true }
B = { git = "https://h/b.git", tag = "v1", subdirectory = "py" }
c = { url = "https://h/c.whl" }
d = [{ index = "own", marker = "sys_platform == 'linux'" }, { index = "own2", marker = "sys_platform != 'linux'" }]
[[tool.uv.index]]
name = "own"
url = "https://h/simple"
[[tool.uv.index]]
url = "https://main/simple"
default = true
)") == "--extra-index-url https://h/simple\n--index-url https://main/simple\n"
       "a @ <libs/a> ; os_name == 'x'\nb @ git+https://h/b.git@v1#subdirectory=py\n"
       "c[e] @ https://h/c.whl\nd ; sys_platform == 'linux'\nd ; sys_platform != 'linux'\n"
       "e @ https://h/e.zip\n");
  const Error error =
      wrong("[project]\ndependencies = ['a']\n[tool.uv.sources]\na = {workspace = true}\n");
  CHECK(error.hint == "name the lock instead: 'requirements: uv.lock'");
  CHECK(error.where->render() == "pyproject.toml:4:5");
}

TEST_CASE("what cannot be read of a pyproject.toml is said with its place and what to write") {
  const Error dynamic = wrong("[project]\nname = 'x'\ndynamic = ['version', 'dependencies']\n");
  CHECK(holds(dynamic.message, "are dynamic"));
  CHECK(dynamic.where->render() == "pyproject.toml:3:23");
  CHECK(holds(dynamic.hint, "{file: pyproject.toml, project: true}"));

  CHECK(holds(wrong("[tool.poetry]\n").hint, "poetry export"));
  CHECK(holds(wrong("[tool.ruff]\n").message, "has no table [project]"));
  CHECK(wrong(demo, "pyproject.toml[gpus]").message == "'pyproject.toml' has no extra 'gpus'");
  CHECK(wrong(demo, "pyproject.toml[gpus]").hint == "did you mean 'gpu'?");
  CHECK(wrong(demo, "pyproject.toml:docs").message == "'pyproject.toml' has no group 'docs'");
  CHECK(wrong("[project]\ndependencies = 'six'\n").message ==
        "dependencies must be a list of texts, not a text");
  CHECK(wrong("[project]\ndependencies = ['six', 3]\n").where->render() == "pyproject.toml:2:24");
  CHECK(holds(wrong("[project]\ndependencies = ['>=1']\n").message, "is not a dependency"));
  const Error cycle = wrong(
      "[dependency-groups]\na = [{include-group='b'}]\n"
      "b = [{include-group='a'}]\n",
      "pyproject.toml:a");
  CHECK(holds(cycle.message, "in a cycle: a -> b -> a"));
}

TEST_CASE("a lock names what it installs from the code, and has to be that of the project") {
  const EnvironmentFolder at;
  at.write("uv.lock", lock);
  at.write("lib/pyproject.toml", "[project]\n");
  const auto read = [&](const std::string& source) {
    return read_lock(job::parse_requirements_source(source), at.root);
  };
  CHECK(holds(failure_of(read("uv.lock")).message, "needs 'pyproject.toml' beside it"));
  at.write(
      "pyproject.toml",
      "[project]\nname='demo'\ndependencies=['six','lib']\n[dependency-groups]\ndev=['six']\n");
  const LockedProject found = value_of(read("uv.lock:dev"));
  REQUIRE(found.local.size() == 1);
  CHECK(found.local[0].path == at.root / "lib");
  CHECK(value_of(read("uv.lock+project")).local.size() == 2);
  CHECK(failure_of(read("uv.lock:tests")).message == "'pyproject.toml' has no group 'tests'");
  CHECK(failure_of(read("uv.lock[gpu]")).message == "'pyproject.toml' has no extra 'gpu'");

  at.write("pyproject.toml", "[project]\nname='demo'\ndependencies=['six','lib',\n'rich>=1']\n");
  const Error old = failure_of(read("uv.lock"));
  CHECK(old.message == "'uv.lock' is older than 'pyproject.toml': it does not have 'rich'");
  CHECK(old.where->render() == "pyproject.toml:4:1");
  CHECK(old.hint == "run 'uv lock'");
  at.write("pyproject.toml",
           "[project]\nname='demo'\ndependencies=['six']\n"
           "[project.optional-dependencies]\ngpu=['six']\nall=['demo[gpu]']\nviz=['pillow']\n"
           "[dependency-groups]\ndev=['ruff', {include-group='test'}]\ntest=['pytest']\n");
  at.write("uv.lock",
           "[[package]]\nname='demo'\nsource={editable='.'}\n"
           "[package.metadata]\nrequires-dist=[{name='six'}]\n"
           "[package.metadata.requires-dev]\ndev=[{name='ruff'}]\n");
  CHECK(read("uv.lock"));
  CHECK(read("uv.lock[all]"));
  CHECK(holds(failure_of(read("uv.lock[viz]")).message, "it does not have 'pillow'"));
  CHECK(holds(failure_of(read("uv.lock:dev")).message, "it does not have 'pytest'"));
  CHECK(failure_of(read("uv.lock:dev")).where->render() == "pyproject.toml:10:7");

  at.write("pyproject.toml", "[project]\nname='demo'\n");
  at.write("uv.lock", "[[package]]\nname = 'x'\nsource = { directory = '../x' }\n");
  CHECK(holds(failure_of(read("uv.lock")).message, "'../x' is outside the project"));
  at.write("uv.lock", "[[package]\n");
  CHECK(failure_of(read("uv.lock")).where->render() == "uv.lock:1:11");
}

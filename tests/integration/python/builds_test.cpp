#include "dstack/base/environment_variable.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/python/compiled.hpp"
#include "dstack/python/content_record.hpp"
#include "support/wait.hpp"
#include "workbench.hpp"

#include <fcntl.h>
#include <sys/stat.h>

using namespace dstack;
using namespace dstack::python;

namespace {

bool has_bytecode(const Path& folder) {
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.path().filename().string().starts_with("greet.") &&
        entry.path().extension() == ".pyc")
      return true;
  return false;
}

/// The layer from which a module's compiled file was taken.
std::string cached(const PythonEnvironment& environment) {
  const std::string found = outcome({environment.program.string(),
                                     "-c",
                                     "import greet, os; c = os.path.realpath(greet.__cached__); "
                                     "print(c if os.path.exists(c) else '')"});
  return found.substr(0, found.find("/lib/"));
}

std::string greeting(const PythonEnvironment& environment) {
  return outcome({environment.program.string(), "-c", "import greet; print(greet.word)"});
}

void check_whole_life(Workbench& at) {
  at.add_wheel("greet", "1.0", "word = 'hello'\n");
  at.add_wheel("greet", "2.0", "word = 'good day'\n");
  at.write("code/requirements.txt", "-r base.txt\n");
  at.write("code/base.txt", "greet==1.0\n-f wheels\n");

  const PythonEnvironment first = at.provided({"", {"requirements.txt"}, {}});
  CHECK(first.made);
  CHECK(first.program == first.bin / "python");
  CHECK(greeting(first) == "hello\nexit code 0");
  CHECK(*read_file(first.folder / "packages.txt") == "greet==1.0\n");
  CHECK_FALSE(has_bytecode(first.folder));
  compile_in_background(first.folder);
  const Path layer = compiled_folder(first.folder);
  test::wait_until([&] { return fs::exists(layer); });
  CHECK(has_bytecode(layer));
  CHECK(cached(first) == layer.string());
  CHECK(greeting(first) == "hello\nexit code 0");

  const PythonEnvironment again = at.provided({"", {"requirements.txt"}, {}});
  CHECK_FALSE(again.made);
  CHECK(again.folder == first.folder);

  at.write("code/base.txt", "greet==2.0\n-f wheels\n");
  const PythonEnvironment other = at.provided({"", {"requirements.txt"}, {}});
  CHECK(other.made);
  CHECK(greeting(other) == "good day\nexit code 0");
  CHECK(greeting(first) == "hello\nexit code 0");

  const PythonEnvironment from_package = at.provided({"", {}, {"-f wheels", "greet<2"}});
  CHECK(greeting(from_package) == "hello\nexit code 0");
  CHECK_FALSE(fs::exists(first.folder.string() + ".stage"));
}

void check_local_projects(Workbench& at) {
  at.add_project("", "mine", "word = 'root'\n");
  at.add_project("libs/other", "other", "word = 'lib'\n");
  at.write("code/requirements.txt", "-e .\n./libs/other\n");
  const job::PythonRequest request{"", {"requirements.txt"}, {}};
  const std::string program = "import mine, other; print(mine.word, other.word)";

  const PythonEnvironment first = at.provided(request);
  CHECK(outcome({first.program.string(), "-c", program}) == "root lib\nexit code 0");
  CHECK_FALSE(fs::exists(at.code() / "build"));
  const std::string packages = *read_file(first.folder / "packages.txt");
  CHECK(packages.find("other @ ./libs/other\n") != std::string::npos);

  at.write("code/mine.py", "word = 'edited'\n");
  const PythonEnvironment second = at.provided(request);
  CHECK(second.made);
  REQUIRE(remove_tree(at.code()));
  CHECK(outcome({second.program.string(), "-c", program}) == "edited lib\nexit code 0");
  CHECK(outcome({first.program.string(), "-c", program}) == "root lib\nexit code 0");
}

}  // namespace

TEST_CASE("an environment that somebody changed is built again, and those that have it keep it") {
  const auto with = GENERATE(Workbench::With::pip, Workbench::With::uv);
  Workbench at(with);
  if (!at.usable())
    SKIP(at.reason);
  at.add_wheel("greet", "1.0", "word = 'hello'\n");
  at.write("code/requirements.txt", "greet==1.0\n-f wheels\n");
  const PythonEnvironment first = at.provided({"", {"requirements.txt"}, {}});
  Path module;
  for (const auto& entry : fs::recursive_directory_iterator(first.folder))
    if (entry.path().filename() == "greet.py")
      module = entry.path();
  REQUIRE_FALSE(module.empty());
  // In place, as a job would that wants the installer's own copy to have it, too.
  REQUIRE(::chmod(module.c_str(), 0644) == 0);
  {
    const Fd file(::open(module.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
    REQUIRE(write_all(file.get(), "word = 'evil'\n"));
  }

  const PythonEnvironment again = at.provided({"", {"requirements.txt"}, {}});
  CHECK(again.made);
  CHECK(again.folder != first.folder);
  CHECK(greeting(again) == "hello\nexit code 0");
  CHECK(fs::exists(first.program));
  CHECK_THAT(at.log(), Catch::Contains("greet.py' was changed in the Python environment"));
  CHECK_FALSE(at.provided({"", {"requirements.txt"}, {}}).made);
}

TEST_CASE("a compiled file that somebody changed is not used: it is made again") {
  Workbench at(Workbench::With::pip);
  if (!at.usable())
    SKIP(at.reason);
  at.add_wheel("greet", "1.0", "word = 'hello'\n");
  at.write("code/requirements.txt", "greet==1.0\n-f wheels\n");
  const PythonEnvironment first = at.provided({"", {"requirements.txt"}, {}});
  const Path layer = compiled_folder(first.folder);
  compile_in_background(first.folder);
  test::wait_until([&] { return fs::exists(layer); });
  CHECK(find_change(layer).value() == "");

  Path compiled;
  for (const auto& entry : fs::recursive_directory_iterator(layer))
    if (entry.path().filename().string().starts_with("greet."))
      compiled = entry.path();
  REQUIRE_FALSE(compiled.empty());
  REQUIRE(::chmod(compiled.c_str(), 0644) == 0);
  {
    const Fd file(::open(compiled.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    REQUIRE(write_all(file.get(), "evil"));
  }
  const PythonEnvironment again = at.provided({"", {"requirements.txt"}, {}});
  CHECK_FALSE(again.made);
  CHECK(again.folder == first.folder);
  CHECK_FALSE(fs::exists(layer));
  CHECK_THAT(at.log(), Catch::Contains("was changed in the compiled files"));
  CHECK(greeting(again) == "hello\nexit code 0");
  compile_in_background(first.folder);
  test::wait_until([&] { return fs::exists(layer); });
  CHECK(cached(again) == layer.string());
}

TEST_CASE("pip builds an environment once for each content of the requirements") {
  Workbench at(Workbench::With::pip);
  if (!at.usable())
    SKIP(at.reason);
  check_whole_life(at);
  CHECK(at.log().find("with pip") != std::string::npos);
}

TEST_CASE("uv builds an environment once for each content of the requirements") {
  Workbench at(Workbench::With::uv);
  if (!at.usable())
    SKIP(at.reason);
  check_whole_life(at);
  CHECK(at.log().find("with uv") != std::string::npos);
}

TEST_CASE("pip installs local projects from copies, so that neither needs the other") {
  Workbench at(Workbench::With::pip);
  if (!at.usable())
    SKIP(at.reason);
  check_local_projects(at);
}

TEST_CASE("uv installs local projects from copies, so that neither needs the other") {
  Workbench at(Workbench::With::uv);
  if (!at.usable())
    SKIP(at.reason);
  check_local_projects(at);
}

TEST_CASE("uv finds the wheels that are set for pip") {
  Workbench at(Workbench::With::uv);
  if (!at.usable())
    SKIP(at.reason);
  at.add_wheel("greet", "1.0", "word = 'hello'\n");
  at.variables["PIP_FIND_LINKS"] = (at.code() / "wheels").string();
  CHECK(greeting(at.provided({"", {}, {"greet"}})) == "hello\nexit code 0");
}

TEST_CASE("a home that was moved gets environments anew, as their programs name the old place") {
  Workbench at(Workbench::With::pip);
  if (!at.usable())
    SKIP(at.reason);
  at.write("code/requirements.txt", "# nothing yet\n");
  const PythonEnvironment first = at.provided({"", {"requirements.txt"}, {}});
  const Path moved = at.root / "moved";
  fs::rename(at.home().root, moved);
  const auto second = provide_environment(
      {"", {"requirements.txt"}, {}}, at.interpreter, at.code(), {moved}, at.lookup(), -1);
  REQUIRE(second);
  CHECK(second->made);
  CHECK(second->folder.filename() == first.folder.filename());
}

TEST_CASE("a package comes from the real index") {
  Workbench at(Workbench::With::pip);
  if (!at.usable())
    SKIP(at.reason);
  for (const char* name :
       {"PATH", "PIP_INDEX_URL", "PIP_CERT", "SSL_CERT_FILE", "HTTPS_PROXY", "https_proxy"})
    if (const auto value = environment_variable(name))
      at.variables[name] = *value;
  at.variables.erase("PIP_NO_INDEX");
  const auto made = at.provide({"", {}, {"six==1.16.0"}});
  if (!made && made.error().hint.find("cannot reach the package index") != std::string::npos)
    SKIP("the package index cannot be reached");
  INFO(at.log());
  REQUIRE(made);
  CHECK(outcome({made->program.string(), "-c", "import six; print(six.__version__)"}) ==
        "1.16.0\nexit code 0");
}

// What the files of a project say about its Python.
#include "dstack/plan/python_files.hpp"

#include "bench.hpp"

using namespace dstack;
using namespace dstack::plan;

namespace {

struct Folder {
  TemporaryFolder own = std::move(*TemporaryFolder::make(fs::temp_directory_path()));

  void write(const std::string& name, std::string_view text) const {
    REQUIRE(make_folders((own.path() / name).parent_path()));
    REQUIRE(write_file_atomically(own.path() / name, text, Durable::no));
  }

  PythonFiles find(const std::string& folder = {}) const {
    return find_python_files(own.path(), folder);
  }
};

}  // namespace

TEST_CASE(
    "the nearest .python-version and pyproject.toml are heeded, from the working directory up") {
  Folder at;
  at.write(".python-version", "3.11\n");
  at.write("pyproject.toml", "[project]\nname = 'x'\nrequires-python = '>=3.9'\n");
  at.write("a/pyproject.toml", "[tool.ruff]\nline-length = 80\n");
  at.write("a/b/.python-version", "# ours\n cpython-3.12\n");
  const PythonFiles above = at.find("a");
  CHECK(above.request ==
        python::VersionRequest{"3.11", ".python-version", ">=3.9", "pyproject.toml"});
  const PythonFiles below = at.find("a/b/c");
  CHECK(below.request ==
        python::VersionRequest{"3.12", "a/b/.python-version", ">=3.9", "pyproject.toml"});
  CHECK(below.version->render() == "a/b/.python-version:2:2");
  CHECK(below.range->render() == "pyproject.toml:3:19");
  CHECK(below.notices.empty());
  CHECK(Folder().find("a").request == python::VersionRequest{});
}

TEST_CASE("what cannot be heeded in the files of a Python is said") {
  Folder at;
  at.write(".python-version", "pypy3.10\n");
  const auto other = at.find();
  REQUIRE(other.problem);
  CHECK(other.problem->message == "'pypy3.10' is not CPython, the only Python that jobs can have");
  CHECK(other.problem->where->render() == ".python-version:1:1");
  at.write(".python-version", "my-env\n");
  at.write("pyproject.toml", "[project]\nrequires-python = '^3.9'\n");
  const auto odd = at.find();
  CHECK(!odd.problem);
  REQUIRE(odd.notices.size() == 2);
  CHECK(odd.notices[0] ==
        ".python-version:1:1: 'my-env' is not a version of Python, and is not heeded");
  CHECK(odd.notices[1].starts_with("pyproject.toml:2:19: '^3.9' is not a specifier"));
  at.write("pyproject.toml", "[project\n");
  CHECK(at.find().notices.size() == 2);
  at.write(".python-version", ">=3.10\n");
  CHECK(at.find().request.range == ">=3.10");
  CHECK(at.find().request.range_by == ".python-version");
}

TEST_CASE("files that list dependencies are found, where they list some") {
  Folder at;
  at.write("pyproject.toml", "[project]\nname = 'x'\ndependencies = []\n");
  CHECK(at.find().dependencies.empty());
  at.write("pyproject.toml", "[project]\nname = 'x'\ndependencies = ['six']\n");
  CHECK(at.find().dependencies == std::vector<std::string>{"pyproject.toml"});
  at.write("uv.lock", "");
  CHECK(at.find().dependencies == std::vector<std::string>{"pyproject.toml", "uv.lock"});
}

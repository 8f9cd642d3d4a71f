#include "dstack/python/key.hpp"

#include "dstack/job/job_spec.hpp"
#include "support/environment_folder.hpp"

using namespace dstack;
using namespace dstack::python;

namespace {

struct Keyed : EnvironmentFolder {
  Interpreter interpreter{"/bin/sh", "3.10.13", "PATH"};
  job::PythonRequest request{"", {"r.txt"}, {}};
  JobInput job;

  std::string key() const {
    const auto requirements = read_requirements(request, root);
    REQUIRE(requirements);
    const auto key = environment_key(*requirements, interpreter, root, lookup(), job);
    REQUIRE(key);
    return *key;
  }
};

}  // namespace

TEST_CASE("the key of an environment depends on everything that determines its content") {
  Keyed at;
  at.variables["HOME"] = (at.root / "home").string();
  at.variables["NAME"] = "one";
  at.write("r.txt", "-r b.txt\n./lib\n./w.whl\n--find-links wheels\n${NAME}\n");
  at.write("b.txt", "six\n");
  at.write("lib/setup.py", "pass\n");
  at.write("w.whl", "bytes");
  at.write("wheels/a-1.whl", "1");
  at.write("train.py", "pass\n");
  const std::string before = at.key();
  CHECK(at.key() == before);

  SECTION("an included file") {
    at.write("b.txt", "six==1\n");
  }
  SECTION("a file of a local project") {
    at.write("lib/new.py", "");
  }
  SECTION("the content of a local project's file") {
    at.write("lib/setup.py", "PASS\n");
  }
  SECTION("the x bit of a local project's file") {
    fs::permissions(at.root / "lib/setup.py", fs::owner_all);
  }
  SECTION("a local archive") {
    at.write("w.whl", "other");
  }
  SECTION("the wheels in a folder") {
    at.write("wheels/a-2.whl", "1");
  }
  SECTION("a variable that a file uses") {
    at.variables["NAME"] = "two";
  }
  SECTION("the job's own value of a variable that a file uses") {
    at.job.environment = {{"NAME", "two"}};
  }
  SECTION("an index of the workflow") {
    at.job.index = {"https://example.org"};
  }
  SECTION("a setting of the installers in the job's environment") {
    at.job.environment = {{"PIP_INDEX_URL", "https://example.org"}};
  }
  SECTION("an index in a variable of pip's") {
    at.variables["PIP_INDEX_URL"] = "https://example.org";
  }
  SECTION("an index in a variable of uv's") {
    at.variables["UV_DEFAULT_INDEX"] = "https://example.org";
  }
  SECTION("an index in pip's configuration") {
    at.write("home/.config/pip/pip.conf", "[global]\nindex-url = https://example.org\n");
  }
  SECTION("the version of the interpreter") {
    at.interpreter.version = "3.10.14";
  }
  SECTION("the interpreter") {
    at.interpreter.program = "/bin/ls";
  }
  SECTION("a package beside the files") {
    at.request.packages = {"streamlit"};
  }
  CHECK(at.key() != before);
}

TEST_CASE("the key does not depend on what is not part of an environment") {
  Keyed at;
  at.write("r.txt", "./lib\n");
  at.write("lib/setup.py", "pass\n");
  const std::string before = at.key();

  SECTION("other code") {
    at.write("train.py", "pass\n");
  }
  SECTION("bytecode of a local project") {
    at.write("lib/__pycache__/x.pyc", "");
  }
  SECTION("where the installers keep their downloads") {
    at.variables["PIP_CACHE_DIR"] = "/x";
  }
  SECTION("a variable of the job that no installer sees") {
    at.job.environment = {{"EPOCHS", "5"}};
  }
  SECTION("another way to write the same file") {
    at.request.requirements = {"./r.txt"};
  }
  CHECK(at.key() == before);
}

TEST_CASE("the key of a local project that refers to its neighbours depends on the whole code") {
  Keyed at;
  at.write("r.txt", "./lib\n");
  at.write("lib/pyproject.toml", "shared = {path = '../shared'}\n");
  at.write("shared/x.py", "1");
  const std::string before = at.key();
  at.write("shared/x.py", "2");
  CHECK(at.key() != before);
}

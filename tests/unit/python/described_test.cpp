#include "dstack/python/described.hpp"

#include "support/environment_folder.hpp"

using namespace dstack;
using namespace dstack::python;

namespace {

std::string version_of(const Path& program) {
  const auto found = describe({program, {}, source_active, CandidateKind::interpreter});
  return found ? found->version : "";
}

}  // namespace

TEST_CASE("the files of an environment say its version") {
  EnvironmentFolder at;
  const Path program = at.root / "env/bin/python";
  CHECK(version_of(program).empty());
  SECTION("of venv") {
    at.write("env/pyvenv.cfg", "home = /usr/bin\nversion = 3.11.2\n");
    CHECK(version_of(program) == "3.11.2");
  }
  SECTION("of uv and virtualenv") {
    at.write("env/pyvenv.cfg", "home = /opt\nversion_info = 3.12.3.final.0\n");
    CHECK(version_of(program) == "3.12.3");
  }
  SECTION("of conda") {
    at.write("env/conda-meta/python-dateutil-2.8.2-pyhd8ed1ab_0.json", "{}");
    at.write("env/conda-meta/python-3.10.13-h955ad1f_0.json", "{}");
    CHECK(version_of(program) == "3.10.13");
  }
  SECTION("or nothing that is a version") {
    for (const char* text : {"", "version =\n", "version = x.y\n", "version\n", "= 3\n"}) {
      at.write("env/pyvenv.cfg", text);
      CHECK(version_of(program).empty());
    }
  }
}

TEST_CASE("an interpreter lies in a folder by its name, and by where it really is") {
  EnvironmentFolder at;
  at.write("project/env/bin/python", "");
  at.write("other/bin/python", "");
  fs::create_directories(at.root / "links");
  fs::create_symlink(at.root / "project/env", at.root / "links/env");
  fs::create_symlink(at.root / "other", at.root / "project/linked");
  const Path project = at.root / "project";
  CHECK(lies_in(project / "env/bin/python", project));
  CHECK(lies_in(at.root / "links/env/bin/python", project));
  CHECK(lies_in(project / "linked/bin/python", project));
  CHECK_FALSE(lies_in(at.root / "other/bin/python", project));
  CHECK_FALSE(lies_in(project / "env/bin/python", {}));
  CHECK_FALSE(lies_in(at.root / "project-2/bin/python", project));
}

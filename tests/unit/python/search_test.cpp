#include "dstack/python/search.hpp"

#include "support/environment_folder.hpp"

using namespace dstack;
using namespace dstack::python;

namespace {

/// Files that are never started: names and places are all that the search goes by.
struct Machine : EnvironmentFolder {
  Machine() { variables["HOME"] = (root / "home").string(); }

  Path program(const std::string& name) {
    return write(name,
                 "\x7f"
                 "ELF",
                 0755);
  }

  void path(const std::vector<std::string>& folders) {
    for (const std::string& name : folders)
      variables["PATH"] += (variables["PATH"].empty() ? "" : ":") + (root / name).string();
  }

  std::vector<std::string> found(const Version& wanted) {
    std::vector<std::string> list;
    for (const Candidate& candidate : other_candidates(lookup(), wanted))
      list.push_back(candidate.program.lexically_relative(root).string());
    return list;
  }
};

using List = std::vector<std::string>;

}  // namespace

TEST_CASE("interpreters are found in PATH in its order, by every name that may fit") {
  Machine at;
  at.program("a/python3.11");
  at.program("a/python3.12");
  at.program("b/python3.10");
  at.program("c/python");
  at.path({"none", "a", "b", "c"});
  CHECK(at.found({3, 10}) == List{"b/python3.10", "c/python"});
  CHECK(at.found({}) == List{"a/python3.12", "a/python3.11", "b/python3.10", "c/python"});
}

TEST_CASE("a link called python3 is known for the version that its file is named for") {
  Machine at;
  at.program("a/python3.11");
  fs::create_symlink("python3.11", at.root / "a/python3");
  at.path({"a"});
  CHECK(at.found({3, 10}).empty());
  CHECK(at.found({3, 11}) == List{"a/python3.11"});
}

TEST_CASE("pyenv's versions take the place of its shims") {
  Machine at;
  at.write("home/.pyenv/shims/python3.10", "#!/bin/sh\nexit 1\n", 0755);
  at.program("home/.pyenv/versions/3.10.9/bin/python");
  at.program("home/.pyenv/versions/3.10.13/bin/python");
  at.program("home/.pyenv/versions/3.13.0rc1/bin/python");
  at.program("home/.pyenv/versions/mine/bin/python");
  at.program("usr/python3.10");
  at.path({"home/.pyenv/shims", "usr"});
  CHECK(at.found({3, 10}) == List{"home/.pyenv/versions/3.10.13/bin/python",
                                  "home/.pyenv/versions/3.10.9/bin/python",
                                  "usr/python3.10"});
  CHECK(at.found({3, 10, 9}).front() == "home/.pyenv/versions/3.10.9/bin/python");
}

TEST_CASE("pyenv's versions are found without its shims, also where PYENV_ROOT says") {
  Machine at;
  at.program("home/.pyenv/versions/3.10.1/bin/python");
  at.program("other/versions/3.10.2/bin/python");
  at.variables["PYENV_ROOT"] = (at.root / "other").string();
  CHECK(at.found({3, 10}) ==
        List{"other/versions/3.10.2/bin/python", "home/.pyenv/versions/3.10.1/bin/python"});
  const auto found = other_candidates(at.lookup(), {3, 10});
  CHECK(found[0].source == (at.root / "other").string());
  CHECK(found[1].source == "~/.pyenv");
  CHECK(pyenv_places(at.lookup()) == (at.root / "other").string() + " and ~/.pyenv");
  at.variables["PYENV_ROOT"] = (at.root / "home/tools/pyenv").string();
  CHECK(pyenv_places(at.lookup()) == "~/tools/pyenv and ~/.pyenv");
  at.variables["PYENV_ROOT"] = (at.root / "home/.pyenv").string();
  CHECK(pyenv_places(at.lookup()) == "~/.pyenv");
}

TEST_CASE("the versions behind pyenv's shims come from the folder of that pyenv") {
  Machine at;
  at.write("opt/pyenv/shims/python3.10", "#!/bin/sh\nexit 1\n", 0755);
  at.program("opt/pyenv/versions/3.10.9/bin/python");
  at.path({"opt/pyenv/shims"});
  const auto found = other_candidates(at.lookup(), {3, 10});
  REQUIRE(found.size() == 1);
  CHECK(found[0].source == (at.root / "opt/pyenv").string());
}

TEST_CASE("asdf's and mise's versions take the place of their shims") {
  Machine at;
  at.write("home/.asdf/shims/python3", "#!/bin/sh\nexit 1\n", 0755);
  at.program("home/.asdf/installs/python/3.12.1/bin/python");
  at.path({"home/.asdf/shims"});
  CHECK(at.found({3, 12}) == List{"home/.asdf/installs/python/3.12.1/bin/python"});
}

TEST_CASE("a script called python is a shim") {
  Machine at;
  at.write("a/python3", "#!/bin/sh\n", 0755);
  at.path({"a"});
  const auto found = other_candidates(at.lookup(), {3, 10});
  REQUIRE(found.size() == 1);
  CHECK(found[0].kind == CandidateKind::shim);
}

TEST_CASE("those that uv manages come last, for this machine alone") {
  Machine at;
  at.program("home/.local/share/uv/python/cpython-3.10.5-linux-riscv128-gnu/bin/python3");
  CHECK(at.found({3, 10}).empty());
}

TEST_CASE("an active environment counts when its interpreter is there") {
  Machine at;
  at.variables["VIRTUAL_ENV"] = (at.root / "venv").string();
  CHECK(active_candidates(at.lookup()).empty());
  at.program("venv/bin/python");
  at.program("conda/bin/python");
  at.variables["CONDA_PREFIX"] = (at.root / "conda").string();
  const auto found = active_candidates(at.lookup());
  REQUIRE(found.size() == 2);
  CHECK(found[0].program == at.root / "venv/bin/python");
}

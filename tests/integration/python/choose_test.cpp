#include "dstack/base/environment_variable.hpp"
#include "dstack/base/json.hpp"
#include "workbench.hpp"

using namespace dstack;
using namespace dstack::python;

namespace {

struct Machine : EnvironmentFolder {
  Machine() { variables = {{"HOME", (root / "user").string()}, {"PATH", (root / "bin").string()}}; }

  /// An interpreter known by its place, never to be started.
  void pyenv(const std::string& version) {
    write("user/.pyenv/versions/" + version + "/bin/python",
          "\x7f"
          "ELF",
          0755);
  }

  /// A script that answers like an interpreter of this version, standing in `folder`; it counts its
  /// starts.
  Path script(const std::string& name, const std::string& version) {
    return write(name,
                 "#!/bin/sh\necho start >> '" + (root / "starts").string() +
                     "'\necho 'dstack-python " + version + " /nonexistent/python'\n",
                 0755);
  }

  Result<Choice> choose(const std::string& version) const {
    return choose_interpreter({version}, lookup(), home(), Effects::allowed);
  }

  std::string chosen(const std::string& version) const {
    const auto choice = choose(version);
    INFO((choice ? "" : render(choice.error())));
    REQUIRE(choice);
    return choice->interpreter.version + " " + choice->interpreter.source;
  }

  bool started_any() const { return fs::exists(root / "starts"); }
};

}  // namespace

TEST_CASE("a version is named in part or whole") {
  Machine at;
  at.pyenv("3.9.1");
  at.pyenv("3.10.2");
  at.pyenv("3.10.13");
  CHECK(at.chosen("3.10") == "3.10.13 ~/.pyenv");
  CHECK(at.chosen("3.10.2") == "3.10.2 ~/.pyenv");
  CHECK(at.chosen("3") == "3.10.13 ~/.pyenv");
  CHECK(at.choose("3.10")->notice.empty());
}

TEST_CASE("an invalid version is refused with an example") {
  const Machine at;
  const auto wrong = at.choose("python3.10");
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().message == "'python3.10' is not a version of Python");
  CHECK(wrong.error().hint == "write it as '3.10' or '3.10.13'");
}

TEST_CASE("no version named: 3.10 where it is there, else the newest, and a notice says so") {
  Machine at;
  at.pyenv("3.9.1");
  at.pyenv("3.12.1");
  CHECK(at.choose("")->notice == "no version named: using Python 3.12.1 from ~/.pyenv");
  at.pyenv("3.10.13");
  CHECK(at.choose("")->notice == "no version named: using Python 3.10.13 from ~/.pyenv");
}

TEST_CASE(
    "a version that is not available is reported with those that were found and how to install "
    "it") {
  Machine at;
  at.pyenv("3.9.1");
  at.pyenv("3.12.1");
  const auto missing = at.choose("3.10");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == ErrorCode::unavailable);
  CHECK(missing.error().message ==
        "Python 3.10 is not installed; found: 3.12.1 (~/.pyenv), 3.9.1 (~/.pyenv)");
  CHECK(missing.error().hint.find("pyenv install 3.10") != std::string::npos);
}

TEST_CASE("no Python at all is reported as such") {
  const Machine at;
  const auto missing = at.choose("");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().message.starts_with("no Python was found on this machine"));
}

TEST_CASE("uv is asked for a version that is nowhere, and its reason is passed on") {
  Machine at;
  at.write("bin/uv",
           "#!/bin/sh\n[ \"$1\" = --version ] && echo 'uv 1.0' && exit\necho 'error: Failed to "
           "install' >&2\n"
           "echo '  cause: dns error' >&2\nexit 2\n",
           0755);
  at.pyenv("3.9.1");
  const auto missing = at.choose("3.10");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().message ==
        "Python 3.10 is not installed; found: 3.9.1 (~/.pyenv); uv cannot download Python 3.10: "
        "dns error");
}

TEST_CASE("a version that uv can download is downloaded, and found afterwards without uv") {
  Machine at;
  const std::string folder = (at.root / "user/.local/share/uv/python").string();
  at.write("bin/uv",
           "#!/bin/sh\n[ \"$1\" = --version ] && echo 'uv 1.0' && exit\n"
           "[ \"$1 $2 $3\" = 'python install 3.10' ] || exit 2\n"
           "bin='" +
               folder +
               "/cpython-3.10.5-linux-'$(/bin/uname -m)-gnu/bin\n/bin/mkdir -p \"$bin\"\n"
               "/bin/cp /bin/sh \"$bin/python\"\n",
           0755);
  CHECK(at.chosen("3.10") == "3.10.5 uv");
  fs::remove(at.root / "bin/uv");
  CHECK(at.chosen("3.10") == "3.10.5 uv");
}

TEST_CASE("a script in PATH is asked only when nothing else has the version") {
  Machine at;
  at.script("bin/python3.10", "3.10.4");
  at.pyenv("3.10.13");
  CHECK(at.chosen("3.10") == "3.10.13 ~/.pyenv");
  CHECK_FALSE(at.started_any());
  REQUIRE(remove_tree(at.root / "user"));
  CHECK(at.chosen("3.10") == "3.10.4 PATH");
  CHECK(at.started_any());
}

TEST_CASE("a shim that fails to run is skipped, and so is one of another version") {
  Machine at;
  at.write("bin/python3.10",
           "#!/bin/sh\necho 'pyenv: python3.10: command not found' >&2\nexit 127\n",
           0755);
  at.script("bin/python3", "3.7.1");
  const auto missing = at.choose("3.10");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == ErrorCode::unavailable);
  CHECK(missing.error().message.find("3.10") != std::string::npos);
}

TEST_CASE("an interpreter is asked once; afterwards its file is recognised") {
  Machine at;
  const auto found = find_interpreters(environment_variable).usable;
  if (found.empty())
    SKIP("there is no Python on this machine");
  const Path real = fs::canonical(found.front().program);
  REQUIRE(make_folders(at.root / "bin"));
  fs::create_symlink(real, at.root / "bin/python3");
  CHECK(at.chosen("3") == found.front().version + " PATH");
  const Path memory = at.home().environments() / "interpreters";
  Json known = *parse_json(*read_file(memory), "memory");

  SECTION("what is remembered is believed without a start") {
    known[(at.root / "bin/python3").string()]["version"] = "3.99.1";
    REQUIRE(write_file_atomically(memory, render_json(known), Durable::no));
    CHECK(at.chosen("3") == "3.99.1 PATH");
  }
  SECTION("another file under the same name is asked anew") {
    known[(at.root / "bin/python3").string()]["version"] = "3.99.1";
    known[(at.root / "bin/python3").string()]["inode"] = 1;
    REQUIRE(write_file_atomically(memory, render_json(known), Durable::no));
    CHECK(at.chosen("3") == found.front().version + " PATH");
  }
  SECTION("a damaged memory is no harm") {
    REQUIRE(write_file_atomically(memory, "{\"x\": [", Durable::no));
    CHECK(at.chosen("3") == found.front().version + " PATH");
  }
}

TEST_CASE("an active environment whose interpreter is broken is skipped") {
  Machine at;
  at.write("venv/bin/python", "no program", 0755);
  at.variables["VIRTUAL_ENV"] = (at.root / "venv").string();
  at.pyenv("3.10.13");
  CHECK(at.chosen("") == "3.10.13 ~/.pyenv");
}

TEST_CASE("a range of versions leaves a choice: the active environment's, 3.10, the newest") {
  Machine at;
  const auto choose = [&](const std::string& range) {
    return choose_interpreter(
        {"", "", range, "pyproject.toml"}, at.lookup(), at.home(), Effects::allowed);
  };
  at.pyenv("3.9.1");
  at.pyenv("3.10.13");
  at.pyenv("3.11.2");
  at.pyenv("3.12.1");
  CHECK(choose(">=3.9")->interpreter.version == "3.10.13");
  CHECK(choose(">=3.11")->interpreter.version == "3.12.1");
  CHECK(choose(">=3.11,<3.12")->interpreter.version == "3.11.2");
  CHECK(choose(">=3.11")->interpreter.named_by == "pyproject.toml");
  CHECK(choose(">=3.11")->notice ==
        "using Python 3.12.1 from ~/.pyenv: 'pyproject.toml' requires '>=3.11'");
  const auto none = choose(">=3.13");
  REQUIRE_FALSE(none);
  CHECK(none.error().message.starts_with(
      "no Python fits '>=3.13', which 'pyproject.toml' requires; found: "));
  CHECK(none.error().hint.find("3.13") != std::string::npos);
}

TEST_CASE("a notice says which file named a version, and which one disagrees") {
  Machine at;
  at.pyenv("3.9.1");
  const auto notice = [&](const VersionRequest& request) {
    const auto choice = choose_interpreter(request, at.lookup(), at.home(), Effects::allowed);
    REQUIRE(choice);
    return choice->notice;
  };
  CHECK(notice({"3.9", ".python-version"}) ==
        "using Python 3.9.1 from ~/.pyenv, as '.python-version' says");
  CHECK(notice({"3.9", "", ">=3.8", "pyproject.toml"}).empty());
  CHECK(notice({"3.9", "", ">=3.10", "pyproject.toml"}) ==
        "using Python 3.9.1 from ~/.pyenv, although 'pyproject.toml' requires '>=3.10'");
  CHECK(notice({"3.9", ".python-version", ">=3.10", "pyproject.toml"}) ==
        "using Python 3.9.1 from ~/.pyenv, as '.python-version' says, although 'pyproject.toml' "
        "requires '>=3.10'");
  const auto missing =
      choose_interpreter({"3.12", ".python-version"}, at.lookup(), at.home(), Effects::allowed);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().message.starts_with(
      "Python 3.12 is not installed, which '.python-version' names; found: "));
}

// Paths and names that try to lead elsewhere, wherever the program takes one: nothing outside the
// project and the home is read or written.
#include "dstack/base/sha256.hpp"
#include "dstack/base/text.hpp"
#include "hostile.hpp"
#include "support/catch.hpp"
#include "support/sandbox.hpp"

#include <map>

#include <sys/stat.h>

using namespace dstack;
using dstack::test::in_yaml;
using dstack::test::Sandbox;

namespace {

constexpr std::string_view canary = "a canary that nobody may read";

/// With a folder beside the project that has a canary in it, for those which lead there.
std::vector<std::string> nasty_paths(const Sandbox& box) {
  std::vector<std::string> paths = {
      "..",
      "../",
      "../beside",
      "../beside/canary",
      "./../beside/canary",
      "a/../../beside/canary",
      "a/b/../../../beside/canary",
      "..//beside//canary",
      "link",
      "link/canary",
      "file-link",
      "sub/../link/canary",
      "/etc/passwd",
      "//etc/passwd",
      "/proc/self/environ",
      "%2e%2e/beside/canary",
      "..%2fbeside%2fcanary",
      "%2e%2e%2fbeside",
      "..\\beside\\canary",
      "....//beside/canary",
      "\xef\xbc\x8e\xef\xbc\x8e/beside/canary",  // full-width dots
      "\xe2\x80\xa5/beside/canary",              // a two-dot leader
      "..\xe2\x88\x95"
      "beside\xe2\x88\x95"
      "canary",  // division slashes
      "..\xc0\xaf"
      "beside",  // an overlong slash
      "~/.ssh",
      "~root",
      "$HOME",
      "${HOME}/x",
      "$(touch ../beside/touched)",
      "`touch ../beside/touched`",
      "; touch ../beside/touched",
      "| touch ../beside/touched",
      "a\ntouch ../beside/touched",
      "-rf",
      "--help",
      "--",
      ".dstack",
      ".dstack/workflows.yaml",
      ".git/config",
      ".",
      "./",
      " ",
      "a b",
      "#",
      "?",
      "*",
      "[a]",
      "a\tb",
      "a\rb",
      "a\x1b[2Jb",
      "con",
      std::string(255, 'n'),
      std::string(256, 'n'),
      std::string(5000, 'n'),
  };
  std::string deep;
  for (int i = 0; i < 1000; ++i)
    deep += "d/";
  paths.push_back(deep);
  std::string up;
  for (int i = 0; i < 40; ++i)
    up += "../";
  paths.push_back(up + "etc/passwd");
  paths.push_back((box.root() / "beside/canary").string());
  return paths;
}

/// A project with links and paths out of it, and their targets.
void make_project(const Sandbox& box) {
  REQUIRE(make_folders(box.root() / "beside"));
  REQUIRE(write_file_atomically(box.root() / "beside/canary", canary, Durable::no));
  box.file("sub/file", "x");
  box.file("script.py", "print('ran')\n");
  fs::create_symlink("../beside", box.project() / "link");
  fs::create_symlink("../beside/canary", box.project() / "file-link");
}

/// Everything beside the project and the home: its mode, time and content.
std::map<std::string, std::string> surroundings(const Sandbox& box) {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::directory_iterator(box.root()))
    if (entry.path() != box.home())
      all[entry.path().string()] = "";
  for (const auto& entry : fs::directory_iterator(box.root() / "beside")) {
    struct stat status {};

    REQUIRE(::lstat(entry.path().c_str(), &status) == 0);
    all[entry.path().string()] = std::to_string(status.st_mode) + " " +
                                 std::to_string(status.st_mtim.tv_nsec) + " " +
                                 read_file(entry.path()).value_or("");
  }
  return all;
}

/// Whether the store has taken the canary in.
bool has_read_canary(const Sandbox& box) {
  const std::string hex = sha256(canary).render();
  const Path object = box.home() / "objects" / hex.substr(0, 2) / hex.substr(2);
  return fs::exists(object) || fs::exists(Path(object.string() + ".x"));
}

/// An answer, whatever it is, and none of the ways in which a program breaks.
void check_answer(const process::Output& output) {
  const int code = Sandbox::code(output);
  INFO(output.err);
  CHECK((code == 0 || code == 1 || code == 2 || code == 3));
  CHECK((code == 0 || !output.err.empty()));
  CHECK_FALSE(find_invalid_utf8(output.err));
  CHECK(output.err.find('\x1b') == std::string::npos);
}

}  // namespace

TEST_CASE("no path in a workflow's file leads out of the project") {
  const Sandbox box;
  make_project(box);
  (void)box.run({"ps"});  // the home is there
  const auto before = surroundings(box);
  for (const std::string& path : nasty_paths(box)) {
    INFO(path);
    const std::string text = in_yaml(path);
    for (const std::string& lines :
         {"provider: bash, commands: ['true'], artifacts: [" + text + "]",
          "provider: bash, commands: ['true'], working-dir: " + text,
          "provider: bash, commands: ['true'], requirements: [" + text + "]",
          "provider: python, file: " + text,
          "provider: bash, commands: ['true'], depends-on: [" + text + "]"}) {
      box.workflows("workflows:\n  - {name: w, " + lines + "}\n");
      check_answer(box.run({"run", "-q", "w", "--dry-run"}));
    }
  }
  CHECK(surroundings(box) == before);
  CHECK_FALSE(has_read_canary(box));
}

TEST_CASE("no artifact is taken from outside of the workspace") {
  const Sandbox box;
  make_project(box);
  (void)box.run({"ps"});
  const auto before = surroundings(box);
  std::string lines;
  std::size_t number = 0;
  for (const std::string& path : nasty_paths(box)) {
    if (path.size() > 300)
      continue;
    box.workflows("workflows:\n  - {name: w, provider: bash, commands: ['true'], artifacts: [" +
                  in_yaml(path) + "]}\n");
    // Those that the plan refuses were tried above.
    if (Sandbox::code(box.run({"run", "-q", "w", "--dry-run"})) == 0)
      lines += "  - {name: w" + std::to_string(number++) +
               ", provider: bash, commands: ['true'], artifacts: [" + in_yaml(path) + "]}\n";
  }
  REQUIRE(number > 10);
  box.workflows("workflows:\n" + lines);
  for (std::size_t i = 0; i < number; ++i)
    check_answer(box.run({"run", "-q", "w" + std::to_string(i)}));
  CHECK(surroundings(box) == before);
  CHECK_FALSE(has_read_canary(box));
}

TEST_CASE("no name of a run or a tag leads anywhere") {
  const Sandbox box;
  make_project(box);
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, commands: ['echo x > out'], artifacts: [out]}\n");
  box.ok({"run", "-q", "w"});
  const std::string run = box.last_run();
  const auto before = surroundings(box);
  for (const std::string& name : nasty_paths(box)) {
    INFO(name);
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{"show", "--", name},
                                               {"logs", "--", name},
                                               {"rm", "-y", "--", name},
                                               {"stop", "-y", "--", name},
                                               {"code", "--", name},
                                               {"artifacts", "list", "--", name},
                                               {"artifacts", "list", "--", "w:" + name},
                                               {"tags", "add", "--", name, run},
                                               {"tags", "delete", "-y", "--", name},
                                               {"run", "-q", "--dry-run", "-t" + name, "w"}}) {
      const auto output = box.run(words);
      INFO(join(words, " "));
      check_answer(output);
    }
  }
  CHECK(surroundings(box) == before);
  CHECK(box.last_run() == run);
}

TEST_CASE("what is written to a given folder is written there and nowhere else") {
  const Sandbox box;
  make_project(box);
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, commands: ['echo x > out'], artifacts: [out]}\n");
  box.ok({"run", "-q", "w"});
  const auto before = surroundings(box);
  for (const std::string name :
       {"-rf", "%2e%2e", "..%2fbeside", "a b", "$(touch x)", "a\\b", "~", "#", "a\nb"}) {
    INFO(name);
    box.ok({"artifacts", "download", box.last_run(), "--output=" + name});
    CHECK(read_file(box.project() / name / "out").value_or("") == "x\n");
    box.ok({"code", box.last_run(), "--output=" + name + ".code"});
    CHECK(read_file(box.project() / (name + ".code") / "sub/file").value_or("") == "x");
  }
  CHECK(surroundings(box) == before);
}

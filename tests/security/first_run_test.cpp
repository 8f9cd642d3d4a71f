// What a project gets the first time it runs: the user's secrets only where it names them, and with
// 'trust: ask' nothing before the user has seen what it would do.
#include "cli/pseudo_terminal.hpp"
#include "support/sandbox.hpp"

using namespace dstack;
using namespace dstack::test;

namespace {

/// A home with a secret for all projects, and a project whose jobs say what they have.
struct Stranger {
  Stranger() {
    box.set("XDG_CONFIG_HOME=" + (box.root() / "config").string());
    add({"--user", "WIDE_TOKEN"});
  }

  void add(std::vector<std::string> words) const {
    words.insert(words.begin(), {"secrets", "add"});
    const auto command = box.command(words);
    const auto output = process::run(command, "the value of it");
    REQUIRE(output);
    INFO(output->err);
    REQUIRE(process::succeeded(output->status));
  }

  /// The names of the secrets that the jobs of a run had.
  std::string names_in_job(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words = {"run", "w"};
    words.insert(words.end(), more.begin(), more.end());
    return box.ok(words);
  }

  void workflow(const std::string& before, const std::string& inside) const {
    box.workflows(before + "workflows:\n  - {name: w, provider: bash, " + inside +
                  "commands: [\"env | grep -o '^[A-Z]*_TOKEN' | sort\", \"true\"]}\n");
  }

  void ask() const {
    REQUIRE(make_folders(box.home()));
    REQUIRE(write_file_atomically(box.home() / "config.yaml", "trust: ask\n", Durable::no));
  }

  Sandbox box;
};

}  // namespace

TEST_CASE("the first run of a project does not get the secrets of all projects", "[security]") {
  const Stranger stranger;
  stranger.workflow("", "");
  stranger.add({"OWN_TOKEN"});

  CHECK(stranger.box.run({"secrets", "list"}).err ==
        "the first run here gets 'WIDE_TOKEN' only where the project names it: 'secrets: "
        "[WIDE_TOKEN]' in .dstack/workflows.yaml\n");
  const auto first = stranger.box.run({"run", "w"});
  CHECK(first.out == "OWN_TOKEN\n");
  CHECK_THAT(first.err,
             Catch::Contains("note: your secret for all projects, 'WIDE_TOKEN', is not given to "
                             "the first run of a project that does not name it: write 'secrets: "
                             "[WIDE_TOKEN]' in .dstack/workflows.yaml, or run it once more if you "
                             "trust it\n"));
  const auto second = stranger.box.run({"run", "w"});
  CHECK(second.out == "OWN_TOKEN\nWIDE_TOKEN\n");
  CHECK(second.err.find("not given") == std::string::npos);
  CHECK(stranger.box.run({"secrets", "list"}).err.empty());
}

TEST_CASE("runs that a project took along from another folder agree to nothing", "[security]") {
  Stranger stranger;
  stranger.workflow("", "");
  const auto git = [&](std::vector<std::string> words) {
    process::Command command = stranger.box.command({});
    words.insert(words.begin(), {"git", "-c", "user.name=T", "-c", "user.email=t@example.com"});
    command.argv = words;
    const auto output = process::run(command);
    REQUIRE(output);
    INFO(output->err);
    REQUIRE(process::succeeded(output->status));
  };
  git({"init", "-q"});
  git({"add", "-A"});
  git({"commit", "-q", "-m", "work"});
  stranger.names_in_job();
  CHECK(stranger.names_in_job() == "WIDE_TOKEN\n");
  const Path moved = stranger.box.root() / "moved";
  fs::rename(stranger.box.project(), moved);

  auto command = stranger.box.command({"run", "w"});
  command.working_dir = moved.string();
  const auto first = process::run(command);
  REQUIRE(first);
  CHECK_THAT(first->err, Catch::Contains("its runs and tags are found here now"));
  CHECK(first->out.empty());
  CHECK(process::run(command)->out == "WIDE_TOKEN\n");
}

TEST_CASE("a secret that the project names is given from its first run on", "[security]") {
  const Stranger stranger;
  SECTION("for all workflows") {
    stranger.workflow("secrets: [WIDE_TOKEN]\n", "");
  }
  SECTION("for one") {
    stranger.workflow("", "secrets: [WIDE_TOKEN], ");
  }
  SECTION("one name without a list") {
    stranger.workflow("", "secrets: WIDE_TOKEN, ");
  }
  SECTION("by a reference") {
    stranger.workflow("", "environment: {SAME_TOKEN: \"${{ secrets.WIDE_TOKEN }}\"}, ");
  }
  CHECK_THAT(stranger.names_in_job(), Catch::Contains("WIDE_TOKEN\n"));
}

TEST_CASE("a secret that one workflow names is not given to the others of the first run",
          "[security]") {
  const Stranger stranger;
  stranger.box.workflows(
      "workflows:\n"
      "  - {name: w, provider: bash, depends-on: [v], commands: [\"echo w=${WIDE_TOKEN+set}\"]}\n"
      "  - {name: v, provider: bash, secrets: [WIDE_TOKEN], commands: [\"echo "
      "v=${WIDE_TOKEN+set}\"]}\n");

  const std::string printed = stranger.names_in_job();
  CHECK_THAT(printed, Catch::Contains("w=\n"));
  CHECK_THAT(printed, Catch::Contains("v=set"));
}

TEST_CASE("a named secret has to exist, and the list has to be one of names", "[security]") {
  const Stranger stranger;
  stranger.workflow("secrets: [LOST_TOKEN]\n", "");
  CHECK_THAT(stranger.box.refused({"run", "w"}, 2),
             Catch::Contains("error: there is no secret 'LOST_TOKEN'\n --> "
                             ".dstack/workflows.yaml:1:11"));
  stranger.box.ok({"validate"});  // the same on every machine
  stranger.workflow("secrets: [{a: b}]\n", "");
  CHECK_THAT(stranger.box.refused({"validate"}, 2),
             Catch::Contains("'secrets' must be a list of names, and a map is none"));
}

TEST_CASE("with 'trust: ask' nothing of a new project runs without a terminal", "[security]") {
  const Stranger stranger;
  stranger.ask();
  stranger.workflow("secrets: [WIDE_TOKEN]\n", "");
  const std::string folder = stranger.box.project().string();

  CHECK(stranger.box.refused({"run", "w"}, 2) ==
        "'" + folder +
            "' has not been run before. It would run:\n"
            "  w (bash)\n"
            "    env | grep -o '^[A-Z]*_TOKEN' | sort\n"
            "    true\n"
            "  secrets: WIDE_TOKEN\n"
            "error: the first run of '" +
            folder +
            "' needs confirmation, and there is no terminal to ask on\n"
            "hint: 'dstack trust " +
            folder + "' uses it all the same; in containers and CI, DSTACK_TRUST=" + folder + "\n");
  CHECK(stranger.box.json({"ps", "-a", "--json"}).empty());
  stranger.box.refused({"run", "-y", "w"}, 2);  // '-y' is about something else
  stranger.box.ok({"run", "--dry-run", "w"});

  stranger.box.ok({"trust", folder});
  stranger.box.ok({"run", "w"});
  stranger.box.ok({"trust", "--remove", folder});
  stranger.box.ok({"run", "w"});  // it has run before
}

TEST_CASE("with 'trust: ask' the user decides on the terminal", "[security]") {
  const Stranger stranger;
  stranger.ask();
  stranger.workflow("", "");

  {
    PseudoTerminal terminal(stranger.box.command({"run", "w"}));
    terminal.read_until("Run it? [y/N] ");
    terminal.type("n\n");
    CHECK(terminal.finish() == 1);
  }
  CHECK(stranger.box.json({"ps", "-a", "--json"}).empty());
  {
    PseudoTerminal terminal(stranger.box.command({"run", "w"}));
    terminal.read_until("Run it? [y/N] ");
    terminal.type("y\n");
    CHECK(terminal.finish() == 0);
  }
  CHECK(stranger.box.json({"ps", "-a", "--json"}).size() == 1);
}

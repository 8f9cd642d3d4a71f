// Names and texts that would drive a terminal, in all places from which they could reach one.
#include "dstack/base/text.hpp"
#include "hostile.hpp"
#include "pseudo_terminal.hpp"
#include "support/catch.hpp"
#include "support/sandbox.hpp"

using namespace dstack;
using dstack::test::in_yaml;
using dstack::test::PseudoTerminal;
using dstack::test::Sandbox;

namespace {

/// Clears the screen, writes the clipboard, sets the title, overwrites text, reverses the reading
/// direction; a C1 control character as UTF-8 has it.
const std::string evil =
    "A\x1b[2J\x1b[31mB\x1b]52;c;aGk=\x07"
    "C\x1b]0;title\x1b\\D\rE\bF\xe2\x80\xae"
    "G\xe2\x81\xa6"
    "H\xd8\x9c"
    "I\xc2\x9b"
    "31mJ\x7fK";

/// Without colours and without a cursor that moves: whatever controls the terminal then is not
/// ours.
process::Command on_plain_terminal(const Sandbox& box,
                                   const Path& folder,
                                   const std::vector<std::string>& arguments) {
  process::Command command = box.command(arguments);
  command.working_dir = folder.string();
  std::erase_if(*command.environment, [](const std::string& entry) {
    return entry.starts_with("TERM=") || entry.starts_with("LC_ALL=") ||
           entry.starts_with("CLICOLOR_FORCE=");
  });
  for (const char* variable : {"TERM=dumb", "LC_ALL=C.UTF-8", "NO_COLOR=1"})
    command.environment->emplace_back(variable);
  return command;
}

/// What the terminal showed: no more than lines of characters.
void check_shown(std::string shown) {
  // The terminal's own way to end a line.
  for (std::size_t at = shown.find("\r\n"); at != std::string::npos; at = shown.find("\r\n", at))
    shown.erase(at, 1);
  for (const std::string_view line : split(shown, '\n'))
    CHECK(printable(line) == line);
}

std::string show(const Sandbox& box, const Path& folder, const std::vector<std::string>& words) {
  INFO(join(words, " "));
  PseudoTerminal terminal(on_plain_terminal(box, folder, words), 50, 400);
  (void)terminal.finish();
  check_shown(terminal.shown());
  return terminal.shown();
}

/// A folder with a name that nobody would choose, and all that a project can say in it.
Path make_project(const Sandbox& box) {
  Path folder = box.root() / ("project-" + evil);
  REQUIRE(make_folders(folder / ".dstack"));
  const std::string text = in_yaml(evil);
  const std::string workflows =
      "workflows:\n"
      "  - name: make\n"
      "    provider: bash\n"
      "    help: " +
      text +
      "\n"
      "    environment: {EVIL: " +
      text +
      "}\n"
      "    artifacts: [out]\n"
      "    commands: ['mkdir out', 'echo x > \"out/$EVIL\"', 'printf \"out/\\377\" | xargs "
      "touch']\n"
      "  - name: fail\n"
      "    provider: bash\n"
      "    depends-on: [make]\n"
      "    environment: {EVIL: " +
      text +
      "}\n"
      "    commands: ['echo \"$EVIL\"', 'echo \"$V\" >/dev/null', 'exit 3']\n";
  REQUIRE(write_file_atomically(folder / ".dstack/workflows.yaml", workflows, Durable::no));
  REQUIRE(write_file_atomically(
      folder / ".dstack/variables.yaml", "variables: {fail: {v: " + text + "}}\n", Durable::no));
  return folder;
}

}  // namespace

TEST_CASE("no name or text of a run controls the terminal on which it is shown") {
  const Sandbox box;
  const Path folder = make_project(box);
  const std::string failed = show(box, folder, {"run", "fail"});
  CHECK_THAT(failed, Catch::Contains("failed"));
  const std::vector<std::vector<std::string>> all = {{"ps", "-a"},
                                                     {"ps", "--all-projects"},
                                                     {"show"},
                                                     {"artifacts", "list"},
                                                     {"artifacts", "download", "make:latest"},
                                                     {"tags"},
                                                     {"code", "-o", "code-" + evil},
                                                     {"workflows"},
                                                     {"graph"},
                                                     {"validate"},
                                                     {"run", "fail", "--dry-run"},
                                                     {"run", "fail", "--help"},
                                                     {"doctor"}};
  for (const auto& words : all)
    CHECK_FALSE(show(box, folder, words).empty());
  // The file that the job made is listed, its name made visible.
  CHECK_THAT(show(box, folder, {"artifacts", "list"}), Catch::Contains("A\\x1b[2J"));
}

TEST_CASE("no error controls the terminal, whatever it quotes") {
  const Sandbox box;
  const Path folder = make_project(box);
  const std::vector<std::vector<std::string>> wrong = {{"run", evil},
                                                       {"run", "make", evil},
                                                       {"run", "make", "--" + evil},
                                                       {"run", "make", "-t", evil},
                                                       {"run", "make", "-e", evil + "=1"},
                                                       {"run", "make", "-a", "../" + evil},
                                                       {"run", "python", evil},
                                                       {"run", "python", "x.py", "-r", evil},
                                                       {"run", "make", "--cpu", evil},
                                                       {"run", "make", "--workdir", evil},
                                                       {"show", evil},
                                                       {"logs", evil},
                                                       {"logs", "--since", evil},
                                                       {"rm", "-y", evil},
                                                       {"stop", evil},
                                                       {"code", evil},
                                                       {"artifacts", "list", evil + ":" + evil},
                                                       {"artifacts", "download", evil, "-o", evil},
                                                       {"tags", "add", evil, evil},
                                                       {"tags", "delete", "-y", evil},
                                                       {"secrets", "delete", "-y", evil},
                                                       {"providers", "show", evil},
                                                       {"providers", "check", evil},
                                                       {"providers", "trust", evil},
                                                       {"providers", "new", evil},
                                                       {"schema", evil},
                                                       {"completion", evil},
                                                       {"--project", evil, "ps"},
                                                       {evil},
                                                       {"ps", "--" + evil}};
  for (const auto& words : wrong)
    CHECK_FALSE(show(box, folder, words).empty());
}

TEST_CASE("the lines of several jobs set colours on a terminal, and do nothing else") {
  const Sandbox box;
  const std::string text = in_yaml(evil);
  box.workflows(
      "workflows:\n"
      "  - {name: a, provider: bash, environment: {EVIL: " +
      text +
      "}, "
      "commands: ['echo \"$EVIL\"']}\n"
      "  - {name: b, provider: bash, depends-on: [a], commands: ['echo b']}\n");
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"run", "b"}, {"logs"}}) {
    PseudoTerminal terminal(on_plain_terminal(box, box.project(), words), 50, 400);
    CHECK(terminal.finish() == 0);
    std::string shown = terminal.shown();
    // What stood before the carriage return is written over, as on any terminal.
    CHECK_THAT(shown, Catch::Contains("E\\x08F\\xe2\\x80\\xaeG"));
    check_shown(shown);
  }
}

TEST_CASE("the log of one job controls the terminal only with --raw") {
  static constexpr const char* clipboard = "\033]52;c;aGk=\a";
  const Sandbox box;
  box.workflows(
      "workflows:\n  - {name: a, provider: bash, commands: [\"printf "
      "'50%%\\\\r\\\\033[31mred\\\\033[0m\\\\033]52;c;aGk=\\\\a\\\\n'\"]}\n");
  const auto shown = [&](const std::vector<std::string>& words) {
    PseudoTerminal terminal(on_plain_terminal(box, box.project(), words), 50, 400);
    CHECK(terminal.finish() == 0);
    return terminal.shown();
  };
  for (const auto& words : {std::vector<std::string>{"run", "a"}, {"logs"}}) {
    const std::string text = shown(words);
    CHECK_THAT(text, Catch::Contains("50%\r\033[31mred\033[0m\\x1b]52;c;aGk=\\x07"));
    CHECK(text.find(clipboard) == std::string::npos);
  }
  CHECK_THAT(shown({"logs", "--raw"}), Catch::Contains(clipboard));
  CHECK_THAT(box.ok({"logs"}), Catch::Contains(clipboard));  // in a pipe
}

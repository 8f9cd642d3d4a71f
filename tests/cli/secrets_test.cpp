// The commands about secrets, and what a run says of those that are missing.
#include "dstack/base/text.hpp"
#include "pseudo_terminal.hpp"
#include "support/catch.hpp"
#include "support/sandbox.hpp"
#include "words.hpp"

using namespace dstack;
using dstack::test::named;
using dstack::test::PseudoTerminal;
using dstack::test::Sandbox;

namespace {

constexpr const char* one_job = "workflows:\n  - {name: w, provider: bash, commands: [\"true\"]}\n";

process::Output give(const Sandbox& box,
                     const std::vector<std::string>& arguments,
                     const std::string& input) {
  const auto output = process::run(box.command(arguments), input, std::chrono::seconds(100));
  REQUIRE(output);
  return *output;
}

void add(const Sandbox& box, std::vector<std::string> arguments, const std::string& value) {
  arguments.insert(arguments.begin(), {"secrets", "add"});
  const auto output = give(box, arguments, value);
  INFO(output.err);
  REQUIRE(Sandbox::code(output) == 0);
}

}  // namespace

TEST_CASE("secrets: what is added is listed without its value, and can be deleted") {
  const Sandbox box;
  box.workflows(one_job);
  const auto added = give(box, {"secrets", "add", "api-token"}, "a value to keep\n");
  CHECK(added.out == "");
  CHECK(added.err ==
        "added 'api-token' to the secrets of this project; jobs get it as API_TOKEN\n");
  add(box, {"--user", "OTHER"}, "another value");
  CHECK(named(box.ok({"secrets", "list"})) ==
        "NAME  SCOPE  VARIABLE  CHANGED\n"
        "OTHER  user  OTHER  TIME\n"
        "api-token  project  API_TOKEN  TIME\n");
  const Json list = box.json({"secrets", "list", "--json"});
  REQUIRE(list.size() == 2);
  CHECK(list[1]["variable"] == "API_TOKEN");
  CHECK(list[1]["project"] == box.project().string());
  CHECK(render_json(list).find("value") == std::string::npos);
  const auto unasked = box.run({"secrets", "delete", "api-token"});
  CHECK(Sandbox::code(unasked) == 2);
  CHECK(unasked.err.find("-y") != std::string::npos);
  CHECK(box.json({"secrets", "list", "--json"}).size() == 2);
  box.ok({"secrets", "delete", "-y", "api-token"});
  CHECK(box.json({"secrets", "list", "--json"}).size() == 1);
  const auto twice = box.run({"secrets", "delete", "api-token"});
  CHECK(Sandbox::code(twice) == 2);
  CHECK(twice.err.find("there is no secret 'api-token' of this project") != std::string::npos);
  CHECK(box.run({"secrets", "delete", "OTHER"}).err.find("'--user'") != std::string::npos);
}

TEST_CASE("secrets: a value among the arguments is refused and not repeated") {
  const Sandbox box;
  box.workflows(one_job);
  const auto output = box.run({"secrets", "add", "TOKEN", "hunter2hunter2"});
  CHECK(Sandbox::code(output) == 2);
  CHECK((output.out + output.err).find("hunter2") == std::string::npos);
  CHECK(output.err.find("must not be an argument") != std::string::npos);
  CHECK_FALSE(fs::exists(box.home() / "secrets"));
}

TEST_CASE("secrets: an existing one is replaced only by force") {
  const Sandbox box;
  box.workflows(one_job);
  add(box, {"TOKEN"}, "the first value");
  const auto again = give(box, {"secrets", "add", "TOKEN"}, "the second value");
  CHECK(Sandbox::code(again) == 1);
  CHECK(again.err.find("'--force' replaces it") != std::string::npos);
  add(box, {"-f", "TOKEN"}, "the second value");
}

TEST_CASE("secrets: names that no variable can have are refused") {
  const Sandbox box;
  box.workflows(one_job);
  add(box, {"api-token"}, "the first value");
  for (const char* name : {"1st", "a b", "PATH", "job-id", "API_TOKEN", ""}) {
    INFO(name);
    const auto output = give(box, {"secrets", "add", name}, "some value\n");
    CHECK(Sandbox::code(output) != 0);
    CHECK(output.err.find("'" + std::string(name) + "'") != std::string::npos);
  }
  CHECK(box.json({"secrets", "list", "--json"}).size() == 1);
}

TEST_CASE("secrets: a short value is kept with a warning, an empty one refused") {
  const Sandbox box;
  box.workflows(one_job);
  CHECK(give(box, {"secrets", "add", "PIN"}, "1234\n").err.find("not masked") != std::string::npos);
  const auto empty = give(box, {"secrets", "add", "NONE"}, "\n");
  CHECK(Sandbox::code(empty) == 2);
  CHECK(empty.err.find("it is empty") != std::string::npos);
}

TEST_CASE("secrets: blanks around a value, which nobody sees, are reported") {
  const Sandbox box;
  box.workflows(one_job);
  const auto [value, words] = GENERATE(table<std::string, std::string>({
      {"some value  ", "ends with 2 spaces, which"},
      {"some value\n\n", "ends with 1 line end, which"},
      {"some value\r\n", ""},
      {"some value\r", ""},
      {"some value\r\r\n", "ends with 1 carriage return, which"},
      {"\tsome value \t", "begins with 1 tab and ends with 2 blanks, which"},
      {"some value\n", ""},
      {"some value", ""},
  }));
  CAPTURE(value);
  const auto output = give(box, {"secrets", "add", "TOKEN"}, value);
  CHECK(Sandbox::code(output) == 0);
  if (words.empty())
    CHECK(output.err.find("warning") == std::string::npos);
  else
    CHECK(output.err.find("warning: the value " + words) != std::string::npos);
  CHECK(output.err.find("some value") == std::string::npos);
}

TEST_CASE("secrets: a value of blanks alone is none, and a short one is short without its blanks") {
  const Sandbox box;
  box.workflows(one_job);
  const auto blank = give(box, {"secrets", "add", "NONE"}, " \t \n");
  CHECK(Sandbox::code(blank) == 2);
  CHECK(blank.err.find("it has only blanks") != std::string::npos);
  CHECK(give(box, {"secrets", "add", "PIN"}, "1234        ").err.find("not masked") !=
        std::string::npos);
}

TEST_CASE("secrets: outside of a project only the user's exist") {
  const Sandbox box;
  const auto output = give(box, {"secrets", "add", "TOKEN"}, "some value");
  CHECK(Sandbox::code(output) == 2);
  CHECK(output.err.find("'--user'") != std::string::npos);
  add(box, {"--user", "TOKEN"}, "some value");
  CHECK(box.json({"secrets", "list", "--json"}).size() == 1);
}

TEST_CASE("secrets: on a terminal the value is asked for and not shown") {
  const Sandbox box;
  box.workflows(one_job);
  PseudoTerminal terminal(box.command({"secrets", "add", "TOKEN"}));
  terminal.read_until("value of TOKEN: ");
  terminal.type("hunnter\x7f\x7f\x7f\x7fter2hunter2\r");
  CHECK(terminal.finish() == 0);
  CHECK(terminal.shown().find("hun") == std::string::npos);
  CHECK(terminal.shown().find("added 'TOKEN'") != std::string::npos);
}

TEST_CASE("secrets: Ctrl-C cancels the question, and nothing is kept") {
  const Sandbox box;
  box.workflows(one_job);
  PseudoTerminal terminal(box.command({"secrets", "add", "TOKEN"}));
  terminal.read_until("value of TOKEN: ");
  terminal.type("hunter2\x03");
  CHECK(terminal.finish() == 130);
  CHECK_FALSE(fs::exists(box.home() / "secrets"));
}

TEST_CASE("secrets: several pasted lines are refused, and none of them reaches the shell") {
  const Sandbox box;
  box.workflows(one_job);
  process::Command shell = box.command({"secrets", "add", "KEY"});
  const std::string add_key = shell_join(shell.argv);
  shell.argv = {"/bin/bash", "--norc", "--noprofile", "-i"};
  PseudoTerminal terminal(shell);
  terminal.type(add_key + "\n");
  terminal.read_until("value of KEY: ");
  terminal.type("first line of a key\necho ran-$((40 + 2))\n");
  terminal.read_until("'< FILE'");
  terminal.type("exit $?\n");
  CHECK(terminal.finish() == 2);
  CHECK(terminal.shown().find("ran-") == std::string::npos);
  CHECK(terminal.shown().find("first line") == std::string::npos);
  CHECK(terminal.shown().find("more than one line was pasted") != std::string::npos);
  CHECK_FALSE(fs::exists(box.home() / "secrets"));
}

TEST_CASE("secrets: a pasted line with its line end is one line") {
  const Sandbox box;
  box.workflows(one_job);
  PseudoTerminal terminal(box.command({"secrets", "add", "TOKEN"}));
  terminal.read_until("value of TOKEN: ");
  terminal.type("hunter2hunter2\r\n\n");
  CHECK(terminal.finish() == 0);
  CHECK(box.json({"secrets", "list", "--json"}).size() == 1);
}

TEST_CASE("secrets: a rotation says how many it re-encrypted") {
  const Sandbox box;
  box.workflows(one_job);
  CHECK(box.run({"secrets", "rotate"}).err.find("no secrets yet") != std::string::npos);
  add(box, {"A"}, "the value of A");
  add(box, {"--user", "B"}, "the value of B");
  CHECK(box.run({"secrets", "rotate"}).err == "made a new key and re-encrypted 2 secrets\n");
  CHECK(box.json({"secrets", "list", "--json"}).size() == 2);
}

TEST_CASE("secrets: a damaged vault is reported by every command that needs it") {
  const Sandbox box;
  box.workflows(one_job);
  add(box, {"A"}, "the value of A");
  std::string text = *read_file(box.home() / "secrets/vault");
  text[text.size() / 2] ^= 1;
  REQUIRE(write_file_atomically(box.home() / "secrets/vault", text, Durable::no, 0600));
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"secrets", "list"}, {"secrets", "rotate"}, {"run", "w"}}) {
    const auto output = box.run(command);
    CHECK(Sandbox::code(output) == 1);
    CHECK(output.err.find("is damaged") != std::string::npos);
  }
  CHECK(*read_file(box.home() / "secrets/vault") == text);
}

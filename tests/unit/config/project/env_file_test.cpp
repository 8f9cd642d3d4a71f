#include "dstack/config/project/env_file.hpp"

#include "dstack/base/shell_variable.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"

using namespace dstack;
using config::parse_env_file;

namespace {

/// "NAME=value" for each, with the line: "A=1@1 B=2@2".
std::string read(const std::string& text) {
  std::string all;
  for (const auto& entry : test::value_of(parse_env_file(text, ".env")))
    all += (all.empty() ? "" : " ") + entry.name + "=" + entry.value + "@" +
           std::to_string(entry.line);
  return all;
}

/// "PLACE MESSAGE" for each error.
std::vector<std::string> errors(const std::string& text) {
  std::vector<std::string> all;
  for (const Error& error : flatten(test::failure_of(parse_env_file(text, "conf/.env"))))
    all.push_back((error.where ? error.where->render() + " " : "") + error.message);
  return all;
}

}  // namespace

TEST_CASE("a file of variables has a line NAME=VALUE each, comments and blank lines") {
  CHECK(read("A=1\n\n# a comment\n  B = two words  \nC=\nexport D=4\nE=#no\nF=a#b # c\n") ==
        "A=1@1 B=two words@4 C=@5 D=4@6 E=@7 F=a#b@8");
  CHECK(read("A=1\r\nB=2\r\n") == "A=1@1 B=2@2");
  CHECK(read("\xEF\xBB\xBF"
             "A=1") == "A=1@1");
  CHECK(read("export=1\nexport export=2\n") == "export=2@2");
  CHECK(read("").empty());
}

TEST_CASE("a value in single quotes is taken as it is, one in double quotes knows escapes") {
  CHECK(read("A='a # \\n $B \"x\"' # c\n") == "A=a # \\n $B \"x\"@1");
  CHECK(read("A=\"a\\tb\\\"c\\\\ \\$B \\q\"\n") == "A=a\tb\"c\\ $B \\q@1");
  CHECK(read("A=\"-----BEGIN\nKEY-----\"\nB=2\n") == "A=-----BEGIN\nKEY-----@1 B=2@3");
  CHECK(read("A='x\r\ny'\nB=2") == "A=x\ny@1 B=2@3");
  CHECK(read("A=it's\n") == "A=it's@1");
}

TEST_CASE("of a variable that is set twice the later line counts, and nothing is expanded") {
  CHECK(read("A=1\nB=2\nA=3\n") == "A=3@3 B=2@2");
  const auto entries =
      test::value_of(parse_env_file("A=$HOME/x\nB='$HOME'\nC=\"\\$HOME\"\nD=\"${HOME}\"\n", ""));
  REQUIRE(entries.size() == 4);
  CHECK(entries[0].value == "$HOME/x");
  CHECK(entries[0].unexpanded == "$HOME");
  CHECK(entries[1].unexpanded.empty());
  CHECK(entries[2].unexpanded.empty());
  CHECK(entries[3].unexpanded == "${HOME}");
}

TEST_CASE("all mistakes in a file of variables are reported with their lines, and without values") {
  CHECK(errors("A=1\nhush\n2X=hush\n=hush\nB=\"hush\" more\nJOB_ID=hush\nC='hush\n") ==
        std::vector<std::string>{
            "conf/.env:2:1 this line is not NAME=VALUE",
            "conf/.env:3:1 what is before '=' is not a valid environment variable name",
            "conf/.env:4:1 there is no name before '='",
            "conf/.env:5:1 there is text after the closing quote",
            "conf/.env:6:1 'JOB_ID' is set by dstack itself",
            "conf/.env:7:1 a quote is not closed"});
  const Error error = test::failure_of(parse_env_file("A=1\nB=hush hush\nC", ".env"));
  REQUIRE(error.where);
  CHECK(error.where->source->text.empty());
  CHECK(errors("A=1\nB=\xff\n") ==
        std::vector<std::string>{"conf/.env:2:1 'conf/.env' is not UTF-8"});
  CHECK(test::failure_of(parse_env_file("\xff\xfe", ".env")).hint.starts_with("save the file as"));
  CHECK(errors(std::string("A=x\0y\n", 6)) ==
        std::vector<std::string>{"conf/.env:1:1 the value has a NUL character"});
  CHECK(errors("A=" + std::string(65 * 1024, 'x')) ==
        std::vector<std::string>{"conf/.env:1:1 the value is longer than 64 KiB"});
  CHECK(errors(std::string(config::largest_env_file + 1, '#')).front().find("larger than 1 MiB") !=
        std::string::npos);
}

TEST_CASE("a variable as a shell writes it is found in a text, a lone dollar is none") {
  CHECK(find_shell_variable("a:$PATH:b") == "$PATH");
  CHECK(find_shell_variable("${A_1}/x") == "${A_1}");
  CHECK(find_shell_variable("5$ $1 $$ ${ $").empty());
  CHECK(find_shell_variable("$A $PROJECT_X ${PROJECT}", "PROJECT") == "${PROJECT}");
  CHECK(name_of_shell_variable("${A}") == "A");
  CHECK(name_of_shell_variable("$A") == "A");
}

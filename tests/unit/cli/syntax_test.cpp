#include "command_line/syntax.hpp"

#include "support/catch.hpp"

using namespace dstack;
using dstack::cli::Need;
using dstack::cli::Syntax;

namespace {

/// A command with one of everything.
struct Sample {
  Sample() : syntax("dstack sample", "Do a thing") {
    syntax.argument("RUN", run, Need::required, "the run")
        .arguments("FILE", files, Need::optional, "files")
        .flag("-a,--all", all, "everything")
        .option("-n,--last", "N", number, "so many")
        .option("--name", "TEXT", name, "a name")
        .example("dstack sample x", "do it to x");
  }

  Syntax syntax;
  std::string run;
  std::vector<std::string> files;
  bool all = false;
  std::optional<std::size_t> number;
  std::string name;
};

Error refused(const std::vector<std::string>& words) {
  Sample sample;
  const auto parsed = sample.syntax.parse(words);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code == ErrorCode::usage);
  return parsed.error();
}

}  // namespace

TEST_CASE("options may be anywhere, in any of their forms") {
  Sample sample;
  REQUIRE(sample.syntax.parse({"-n5", "r", "--name=x y", "f", "--all", "--", "-g"}));
  CHECK(sample.run == "r");
  CHECK(sample.files == std::vector<std::string>{"f", "-g"});
  CHECK(sample.all);
  CHECK(sample.number == 5u);
  CHECK(sample.name == "x y");
}

TEST_CASE("of an option given twice the last counts") {
  Sample sample;
  REQUIRE(sample.syntax.parse({"r", "--name", "a", "--name", "b", "-a", "-a"}));
  CHECK(sample.name == "b");
  CHECK(sample.all);
}

TEST_CASE("an unknown option comes with a suggestion") {
  const Error error = refused({"r", "--lsat", "3"});
  CHECK(error.message == "'dstack sample' has no option '--lsat'");
  CHECK(error.hint == "did you mean '--last'?");
}

TEST_CASE("an unknown option is reported before the argument that it hides") {
  CHECK(refused({"--wat"}).message == "'dstack sample' has no option '--wat'");
}

TEST_CASE("what is missing is named") {
  CHECK(refused({}).message == "'dstack sample' needs RUN");
  CHECK(refused({"r", "--name"}).message == "option '--name' needs a value");
}

TEST_CASE("a number is a whole number") {
  for (const std::string wrong : {"x", "-1", "1.5", "99999999999999999999", ""})
    CHECK(refused({"r", "-n", wrong}).message ==
          "option '--last' takes a whole number, not '" + wrong + "'");
}

TEST_CASE("the help shows usage, arguments, options and examples") {
  CHECK(Sample().syntax.help() ==
        "Do a thing.\n"
        "\n"
        "Usage: dstack sample [options] RUN [FILE...]\n"
        "\n"
        "Arguments:\n"
        "  RUN    the run\n"
        "  FILE   files\n"
        "\n"
        "Options:\n"
        "  -a, --all         everything\n"
        "  -n, --last N      so many\n"
        "      --name TEXT   a name\n"
        "\n"
        "Examples:\n"
        "  dstack sample x   do it to x\n");
}

// What follows `--` on the command line.
#include "bench.hpp"
#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::plan;
using plan_test::Bench;

namespace {

using Words = std::vector<std::string>;

std::string workflow(const std::string& name, const std::string& rest) {
  return "  - {name: " + name + ", " + rest + "}\n";
}

Words argv(Bench& bench, const std::string& target, const Words& arguments) {
  return bench.plan(target, {}, arguments).jobs.back().spec.argv;
}

}  // namespace

TEST_CASE("arguments are appended to args, whether these are a list, a string or not there") {
  Bench bench;
  bench.workflows("workflows:\n" +
                  workflow("list", "provider: python, file: train.py, args: [a, 'b c']") +
                  workflow("text", "provider: python, file: train.py, args: \"a 'b c'\"") +
                  workflow("none", "provider: python, file: train.py"));
  const Words arguments = {"d e", "--f", "null", ""};
  CHECK(argv(bench, "list", arguments) ==
        Words{"python", "train.py", "a", "b c", "d e", "--f", "null", ""});
  CHECK(argv(bench, "text", arguments) ==
        Words{"python", "train.py", "a", "b c", "d e", "--f", "null", ""});
  CHECK(argv(bench, "none", arguments) == Words{"python", "train.py", "d e", "--f", "null", ""});
}

TEST_CASE("arguments that a property uses are not appended as well") {
  Bench bench;
  bench.workflows(
      "workflows:\n" +
      workflow("own", "provider: python, file: train.py, args: [--x, '${{ run.args }}', --y]") +
      workflow("shell", "provider: bash, commands: ['echo ${{ run.args }}']"));
  CHECK(argv(bench, "own", {"a", "b c"}) == Words{"python", "train.py", "--x", "a", "b c", "--y"});
  CHECK(argv(bench, "own", {}) == Words{"python", "train.py", "--x", "--y"});
  CHECK(bench.plan("shell", {}, {"a", "b c"}).jobs[0].spec.commands == Words{"echo a 'b c'"});
}

TEST_CASE("only the named workflow is given arguments that no property uses") {
  Bench bench;
  bench.workflows("workflows:\n" + workflow("first", "provider: python, file: download.py") +
                  workflow("second", "provider: python, file: train.py, depends-on: [first]"));
  const auto plan = bench.plan("second", {}, {"x"});
  CHECK(plan.jobs[0].spec.argv == Words{"python", "download.py"});
  CHECK(plan.jobs[1].spec.argv == Words{"python", "train.py", "x"});
  CHECK(plan.arguments == Words{"x"});
}

TEST_CASE("a provider without args refuses arguments, unless a workflow of the run uses them") {
  Bench bench;
  bench.workflows("workflows:\n" + workflow("shell", "provider: bash, commands: [ls]") +
                  workflow("used", "provider: bash, commands: ['echo ${{ run.args }}']") +
                  workflow("after", "provider: bash, commands: [ls], depends-on: [used]"));
  CHECK(bench.errors("shell", {}, {"a", "b"}) ==
        Words{"provider 'bash' takes no arguments after '--' @ command line:1:21+1 | a property of "
              "the workflow "
              "may use them as ${{ run.args }}"});
  CHECK(bench.plan("after", {}, {"a"}).jobs[0].spec.commands == Words{"echo a"});
  CHECK(bench.errors("bash", {"-c", "ls"}, {"a"}) ==
        Words{"provider 'bash' takes no arguments after '--' @ command line:1:26+1 | 'dstack run "
              "bash --help' shows what it takes"});
}

#include "dstack/config/project/interpolation.hpp"

#include "support/catch.hpp"
#include "unit/config/yaml/parsing.hpp"

#include <map>

using namespace dstack;
using namespace dstack::config;
using namespace dstack::config::test;

namespace {

Scope scope_of(std::map<std::string, std::string> variables,
               std::vector<std::string> arguments = {}) {
  Scope scope;
  for (const auto& [name, value] : variables)
    scope.variable_names.push_back(name);
  scope.variable = [variables](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(std::string(name));
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  scope.run_name = "quiet-otter-3";
  scope.run_arguments = std::move(arguments);
  scope.holds_secrets = [](std::string_view key) {
    return key == "environment" || key == "env" || key == "headers" || key == "registry-auth";
  };
  scope.secret_members = {"environment", "headers"};
  return scope;
}

std::string replaced(std::string text, const Scope& scope) {
  const auto result = interpolate(read(std::move(text))->root, scope);
  return result ? shown(result->value) : "failed: " + brief(result.error());
}

}  // namespace

TEST_CASE("references are replaced wherever a value stands") {
  const Scope scope = scope_of({{"epochs", "3"}, {"dir", "out"}});
  CHECK(replaced("a: ${{ epochs }}\nb: ['${{dir}}/x', {c: \"--n=${{  epochs  }}\"}]\n", scope) ==
        "{a: 3, b: [out/x, {c: --n=3}]}");
}

TEST_CASE("a replaced text takes any type, so it counts as plain even when it stood in quotes") {
  const Scope scope = scope_of({{"gpus", "2"}});
  CHECK(replaced("{gpu: \"${{ gpus }}\", name: \"x\"}", scope) == "{gpu: 2, name: \"x\"}");
}

TEST_CASE("keys stay as they are") {
  CHECK(replaced("\"${{ a }}\": ${{ a }}", scope_of({{"a", "1"}})) == "{${{ a }}: 1}");
}

TEST_CASE("a doubled dollar writes a literal reference") {
  CHECK(replaced("a: $${{ x }} and ${{ x }}", scope_of({{"x", "1"}})) == "{a: ${{ x }} and 1}");
}

TEST_CASE("a value is not looked through for more references") {
  CHECK(replaced("a: ${{ x }}", scope_of({{"x", "${{ y }}"}})) == "{a: ${{ y }}}");
}

TEST_CASE("the run's name and arguments") {
  const Scope scope = scope_of({}, {"a b", "c"});
  CHECK(replaced("a: /logs/${{ run.name }}", scope) == "{a: /logs/quiet-otter-3}");
  CHECK(replaced("a: [x, \"${{ run.args }}\", y]", scope) == "{a: [x, \"a b\", \"c\", y]}");
  CHECK(replaced("a: run ${{ run.args }}", scope) == "{a: run 'a b' c}");
  CHECK(replaced("a: [\"-- ${{ run.args }}\"]", scope) == "{a: [-- 'a b' c]}");
  CHECK(replaced("a: [\"${{ run.args }}\"]", scope_of({})) == "{a: []}");
}

TEST_CASE("a text of arguments is split before anything in it is replaced") {
  Scope scope =
      scope_of({{"name", "Ann Lee"}, {"empty", ""}, {"odd", "it's \"a\\b\""}, {"flags", "--x 1"}},
               {"a b", "c"});
  scope.holds_arguments = [](std::string_view key) { return key == "args"; };
  CHECK(replaced("args: --name ${{ name }} --n 1", scope) ==
        "{args: [\"--name\", Ann Lee, \"--n\", \"1\"]}");
  CHECK(replaced("args: a ${{empty}} --o=${{ odd }} 'q ${{ name }}'", scope) ==
        "{args: [\"a\", , --o=it's \"a\\b\", q Ann Lee]}");
  CHECK(replaced("args: ${{ flags }}", scope) == "{args: [--x 1]}");
  CHECK(replaced("args: ${{ name }}${{ empty }}-${{ name }}", scope) ==
        "{args: [Ann Lee-Ann Lee]}");
  CHECK(replaced("args: '$${{ x }} \\${{ name }}'", scope) ==
        "{args: [\"${{\", \"x\", \"}}\", Ann Lee]}");
  CHECK(replaced("other: --name ${{ name }}", scope) == "{other: --name Ann Lee}");
  CHECK(replaced("args: --name x", scope) == "{args: --name x}");
}

TEST_CASE("the arguments of the run are words of their own in a text of arguments") {
  Scope scope = scope_of({}, {"a b", "c"});
  scope.holds_arguments = [](std::string_view key) { return key == "args"; };
  CHECK(replaced("args: x ${{ run.args }} y", scope) == "{args: [\"x\", \"a b\", \"c\", \"y\"]}");
  CHECK(replaced("args: x '${{ run.args }}'", scope) == "{args: [\"x\", 'a b' c]}");
  CHECK(replaced("args: --all=${{ run.args }}", scope) == "{args: [--all='a b' c]}");
}

TEST_CASE(
    "a text of arguments that cannot be split stays as written, whatever its variables hold") {
  Scope scope = scope_of({{"quote", "'"}});
  scope.holds_arguments = [](std::string_view key) { return key == "args"; };
  CHECK(replaced("args: ${{ quote }} it's", scope) == "{args: ${{ quote }} it's}");
  CHECK(replaced("args: it's ${{ qoute }}", scope) ==
        "failed: 1:16+5 there is no variable 'qoute'");
}

TEST_CASE("errors in a text of arguments are at the place of each reference") {
  Scope scope = scope_of({});
  scope.holds_arguments = [](std::string_view key) { return key == "args"; };
  const auto result = interpolate(read("args: $${{ a ${{ b }} ${{ c }}")->root, scope);
  REQUIRE_FALSE(result);
  const std::vector<Error> errors = flatten(result.error());
  REQUIRE(errors.size() == 2);
  CHECK(brief(errors[0]) == "1:18 there is no variable 'b'");
  CHECK(brief(errors[1]) == "1:27 there is no variable 'c'");
}

TEST_CASE("a variable that looks like several arguments is reported with its place") {
  Scope scope = scope_of({{"flags", "--x 1"}, {"name", "Ann Lee"}, {"none", ""}});
  scope.holds_arguments = [](std::string_view key) { return key == "args"; };
  const auto noted = [&](std::string text) {
    std::string all;
    const auto result = interpolate(read(std::move(text))->root, scope);
    for (const WholeArgument& one : result->whole_arguments)
      all += one.key + " " + one.variable + "=" + one.value + " " + place(one.where) + ";";
    return all;
  };
  CHECK(noted("args: ${{ flags }}") == "args flags=--x 1 1:11+5;");
  CHECK(noted("args: ${{ name }}") == "args name=Ann Lee 1:11+4;");
  CHECK(noted("args: --a ${{ flags }}") == "args flags=--x 1 1:15+5;");
  CHECK(noted("args: --a ${{ name }}").empty());
  CHECK(noted("args: ${{ none }}") == "args none= 1:11+4;");
  CHECK(noted("args: run ${{ none }}") == "args none= 1:15+4;");
  CHECK(noted("args: --a ${{ none }}").empty());
  CHECK(noted("args: \"'${{ flags }}'\"").empty());
  CHECK(noted("args: ['${{ flags }}']").empty());
  CHECK(noted("other: ${{ flags }}").empty());
}

TEST_CASE("all variables of a workflow are arguments in three forms") {
  Scope scope = scope_of({{"lr", "0.5"}, {"seed", "1"}});
  scope.own_variables = [] {
    return std::vector<NamedValue>{{"lr", "0.5"},
                                   {"batch-size", "8"},
                                   {"name", "Ann Lee"},
                                   {"fast", "true"},
                                   {"slow", "False"},
                                   {"note", ""}};
  };
  CHECK(replaced("a: ['${{ variables }}', x]", scope) ==
        "{a: [\"--lr\", \"0.5\", \"--batch-size\", \"8\", \"--name\", \"Ann Lee\", "
        "\"--fast\", x]}");
  CHECK(replaced("a: ['${{ variables:equals }}']", scope) ==
        "{a: [\"--lr=0.5\", \"--batch-size=8\", \"--name=Ann Lee\", \"--fast\"]}");
  CHECK(replaced("a: ['${{ variables:hydra }}']", scope) ==
        "{a: [\"lr=0.5\", \"batch-size=8\", \"name=Ann Lee\", \"fast=true\", "
        "\"slow=False\"]}");
  CHECK(replaced("a: p.py ${{ variables:equals }}", scope) ==
        "{a: p.py --lr=0.5 --batch-size=8 '--name=Ann Lee' --fast}");
  scope.holds_arguments = [](std::string_view key) { return key == "args"; };
  CHECK(replaced("args: run ${{ variables:hydra }}", scope) ==
        "{args: [\"run\", \"lr=0.5\", \"batch-size=8\", \"name=Ann Lee\", \"fast=true\", "
        "\"slow=False\"]}");
}

TEST_CASE("a variable called variables wins over all variables") {
  Scope scope = scope_of({{"variables", "mine"}});
  scope.own_variables = [] { return std::vector<NamedValue>{{"variables", "mine"}}; };
  CHECK(replaced("a: ['${{ variables }}', '${{ variables:hydra }}']", scope) ==
        "{a: [mine, \"variables=mine\"]}");
}

TEST_CASE("a form of variables that does not exist is refused with those that do") {
  Scope scope = scope_of({});
  scope.own_variables = [] { return std::vector<NamedValue>(); };
  const auto result = interpolate(read("a: ${{ variables:hydro }}")->root, scope);
  REQUIRE_FALSE(result);
  CHECK(brief(result.error()) == "1:8+15 there is no variable 'variables:hydro'");
  CHECK(result.error().hint == "there are 'variables', 'variables:hydra' and 'variables:equals'");
}

TEST_CASE("the value of a variable may name variables and the run, and nothing else") {
  const Scope scope = scope_of({{"seed", "1"}}, {"a"});
  const auto value = [&](const std::string& text) {
    const auto result = interpolate_variable(make_scalar(text, {}), scope);
    return result ? result->value.text : "failed: " + result.error().message;
  };
  CHECK(value("runs/${{ seed }}") == "runs/1");
  CHECK(value("${{ run.name }}-$${{ seed }}") == "quiet-otter-3-${{ seed }}");
  CHECK(value("${{ run.args }}") == "failed: 'run.args' cannot be used here");
  CHECK(value("${{ variables }}") == "failed: 'variables' cannot be used here");
  CHECK(value("${{ secrets.KEY }}") == "failed: the secret 'KEY' cannot be used here");
}

TEST_CASE("whether the arguments were used is reported") {
  const Scope scope = scope_of({{"x", "1"}}, {"a"});
  CHECK_FALSE(interpolate(read("a: ${{ x }}")->root, scope)->used_run_arguments);
  CHECK(interpolate(read("a: [\"${{run.args}}\"]")->root, scope)->used_run_arguments);
  CHECK(interpolate(read("a: ${{ run.args }}")->root, scope)->used_run_arguments);
}

TEST_CASE("unknown names are reported together, each at its place") {
  const Scope scope = scope_of({{"epochs", "3"}});
  const auto result = interpolate(
      read("a: é ${{ epohcs }} ${{ epochs }} ${{ zzz }}\nb: |\n  first\n  ${{ nope }}\n")->root,
      scope);
  REQUIRE_FALSE(result);
  const std::vector<Error> errors = flatten(result.error());
  REQUIRE(errors.size() == 3);
  CHECK(brief(errors[0]) == "1:10+6 there is no variable 'epohcs'");
  CHECK(errors[0].hint == "did you mean 'epochs'?");
  CHECK(brief(errors[1]) == "1:38+3 there is no variable 'zzz'");
  CHECK(brief(errors[2]) == "4:7+4 there is no variable 'nope'");
}

TEST_CASE("a misspelt reference to the run gets a suggestion") {
  const auto result = interpolate(read("a: ${{ run.nmae }}")->root, scope_of({}));
  REQUIRE_FALSE(result);
  CHECK(result.error().hint == "did you mean 'run.name'?");
}

TEST_CASE("a long variable that is named often is refused with the limit, and reported once") {
  const Scope scope = scope_of({{"long", std::string(1u << 20, 'x')}});
  std::string text = "a: \"";
  for (int i = 0; i < 16; ++i)
    text += "${{ long }}";
  CHECK(replaced(text + "\"", scope).size() > std::size_t{16} << 20U);
  for (int i = 0; i < 1000; ++i)
    text += "${{ long }}";
  const auto result = interpolate(read(text + "\"")->root, scope);
  REQUIRE_FALSE(result);
  CHECK(result.error().also.empty());
  CHECK(result.error().message ==
        "the file exceeds the limit of 16,777,216 bytes of text from variables");
}

TEST_CASE("malformed references are reported") {
  const Scope scope = scope_of({{"a", "1"}});
  CHECK(replaced("x: ${{ a", scope) == "failed: 1:4+3 '${{' is not closed by '}}'");
  CHECK(replaced("x: ${{ }}", scope) == "failed: 1:4+3 '${{ }}' does not name a variable");
  CHECK(replaced("x: ${{ a b }}", scope) == "failed: 1:8+3 'a b' is not a valid variable name");
  CHECK(replaced("x: ${{ secrets.TOKEN }}", scope) ==
        "failed: 1:8+13 the secret 'TOKEN' cannot be used here");
}

TEST_CASE("a reference to a secret that lacks its s is understood") {
  const auto result = interpolate(read("env: {A: \"${{ secret.A }}\"}\n")->root, scope_of({}));
  REQUIRE_FALSE(result);
  CHECK(flatten(result.error())[0].hint == "did you mean 'secrets.A'?");
}

TEST_CASE("what an alias repeats is reported at the alias") {
  CHECK(replaced("a: &x \"${{ a }}\"\nb: *x\n", scope_of({})) ==
        "failed: 1:12 there is no variable 'a'");
  const auto result = interpolate(read("a: &x \"${{ a }}\"\nb: *x\n")->root, scope_of({}));
  REQUIRE_FALSE(result);
  CHECK(brief(flatten(result.error())[1]) == "2:4+2 there is no variable 'a'");
}

TEST_CASE("a reference to a secret stays one, where secrets may stand") {
  const auto result = interpolate(read("environment:\n"
                                       "  A: x ${{secrets.TOKEN}} ${{ n }}\n"
                                       "headers:\n"
                                       "  X: ${{ secrets.a-b }}\n"
                                       "registry-auth:\n"
                                       "  password: ${{ secrets.P }}\n")
                                      ->root,
                                  scope_of({{"n", "1"}}));
  REQUIRE(result);
  CHECK(shown(result->value) ==
        "{environment: {A: x ${{ secrets.TOKEN }} 1}, headers: {X: ${{ secrets.a-b }}}, "
        "registry-auth: {password: ${{ secrets.P }}}}");
  REQUIRE(result->secrets.size() == 3);
  CHECK(result->secrets[0].name == "TOKEN");
  CHECK(place(result->secrets[0].where) == "2:11+13");
  CHECK(result->secrets[2].name == "P");
}

TEST_CASE("a secret elsewhere, without a name, or smuggled in is an error") {
  const Scope scope = scope_of({{"v", "${{ secrets.TOKEN }}"}});
  CHECK(replaced("commands: ${{ secrets.T }}", scope) ==
        "failed: 1:15+9 the secret 'T' cannot be used here");
  CHECK(replaced("x:\n  environment:\n    A: ${{ secrets.T }}\n", scope) ==
        "failed: 3:12+9 the secret 'T' cannot be used here");
  CHECK(replaced("env:\n  A: ${{ secrets. }}\n", scope) ==
        "failed: 2:10+8 'secrets.' does not name a secret");
  const std::string refused =
      " a literal '${{ secrets.… }}' is not allowed here, nor in a variable";
  CHECK(replaced("env:\n  A: ${{ v }}\n", scope) == "failed: 2:6+8" + refused);
  CHECK(replaced("env:\n  A: $${{ secrets.T }}\n", scope) == "failed: 2:6+17" + refused);
  CHECK(replaced("commands: $${{ secrets.T }}", scope) == "{commands: ${{ secrets.T }}}");
}

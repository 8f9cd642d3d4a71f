#include "dstack/job/environment_names.hpp"
#include "support/catch.hpp"
#include "unit/config/yaml/parsing.hpp"

#include <algorithm>

using namespace dstack;
using namespace dstack::config;
using namespace dstack::config::test;

namespace {

constexpr std::string_view train = "workflows:\n  - name: train\n    provider: python\n";

}  // namespace

TEST_CASE("variables are read by scope, as written") {
  ProjectFolder folder;
  folder.file(".dstack/workflows.yaml", train);
  folder.file(".dstack/variables.yaml",
              "variables:\n  train:\n    batch-size: 64\n    lr: 1.0\n    name: \"\"\n  global:\n  "
              "  seed: 010\n");
  const auto project = folder.load();
  REQUIRE(project);
  CHECK(project->findings.empty());
  const std::vector<Variable>& own = project->variables.at("train");
  REQUIRE(own.size() == 3);
  CHECK(own[0].name == "batch-size");
  CHECK(own[1].value == "1.0");
  CHECK(own[2].value.empty());
  CHECK(place(own[0].where) == "3:5+10");
  CHECK(project->variables.at("global")[0].value == "010");
}

TEST_CASE("an empty variables file, and empty scopes, are fine") {
  CHECK(findings_of(train, "# none\n").empty());
  CHECK(findings_of(train, "variables:\n").empty());
  CHECK(findings_of(train, "variables:\n  train:\n").empty());
  CHECK(findings_of(train, "x-a: &a {lr: 1}\nvariables:\n  train: *a\n").empty());
}

TEST_CASE("a workflow's own variable of the same name wins silently") {
  CHECK(findings_of(train, "variables: {global: {lr: 1}, train: {lr: 2}}").empty());
}

TEST_CASE("values that are not scalars are reported") {
  CHECK(findings_of(train, "variables:\n  train:\n    a: [1]\n    b: {c: d}\n    e:\n") ==
        Findings{"train: 3:8+3 variable 'a' must be a single value, not a list",
                 "train: 4:8+6 variable 'b' must be a single value, not a map",
                 "train: 5:5 variable 'e' has no value"});
  CHECK(findings_of(train, "variables:\n  epochs: 3\n") ==
        Findings{"epochs: 2:3+6 there is no workflow 'epochs'",
                 "epochs: 2:11 'epochs' must be a map of variables, not a text"});
  CHECK(findings_of(train, "variables: [a]\n") ==
        Findings{": 1:12+3 'variables' must be a map, not a list"});
}

TEST_CASE("lists and maps of variables come with what to write instead") {
  ProjectFolder folder;
  folder.file(".dstack/workflows.yaml", train)
      .file(
          ".dstack/variables.yaml",
          "variables:\n  train:\n    layers: [64, 32]\n    optim: {lr: 0.1}\n    odd: [{a: b}]\n");
  const auto project = folder.load();
  REQUIRE(project->findings.size() == 3);
  CHECK(project->findings[0].error.hint ==
        "a variable becomes one environment variable: write its values as one text, 'layers: \"64 "
        "32\"', or put the list into a property of the workflow, such as 'args'");
  CHECK(project->findings[1].error.hint ==
        "a variable becomes one environment variable: make each member one, as 'optim.lr: 0.1'");
  CHECK(project->findings[2].error.hint.find("'odd: \"a b\"'") != std::string::npos);
}

TEST_CASE("a variable cannot refer to a secret, however the reference is spaced") {
  CHECK(findings_of(train,
                    "variables:\n  train: {a: \"x ${{secrets.TOKEN}}\"}\n  global:\n"
                    "    name: b\n    b: ${{ name }} ${{  secrets.api-token  }}\n") ==
        Findings{"train: 2:20+13 the secret 'TOKEN' cannot be used here",
                 ": 5:25+17 the secret 'api-token' cannot be used here"});
  CHECK(findings_of(train, "variables:\n  train:\n    a: $${{ secrets.TOKEN }}\n").empty());
}

TEST_CASE("what is wrong with a reference in a variable is reported at its place") {
  CHECK(findings_of(train,
                    "variables:\n  train:\n    a: x${{ b }}\n    b: ${{ c }\n"
                    "    d: ${{ sed }}\n    e: ${{ run.args }} ${{ variables:hydra }}\n"
                    "  global: {seed: 1}\n") ==
        Findings{"train: 4:8+3 '${{' is not closed by '}}'",
                 "train: 5:12+3 there is no variable 'sed'",
                 "train: 6:12+8 'run.args' cannot be used here",
                 "train: 6:28+15 'variables:hydra' cannot be used here"});
}

TEST_CASE("a global variable refers to global variables only, and is reported once") {
  CHECK(findings_of(train,
                    "variables:\n  global: {a: \"${{ own }}\"}\n"
                    "  train: {own: 1, b: \"${{ a }}\", c: \"${{ a }}\"}\n") ==
        Findings{": 2:20+3 there is no variable 'own'"});
}

TEST_CASE("a ring of variables is reported once, with the places of all") {
  ProjectFolder folder;
  folder.file(".dstack/workflows.yaml", train)
      .file(".dstack/variables.yaml",
            "variables:\n  train:\n    x: ${{ c }}\n    a: ${{ b }}\n    b: 1${{ c }}\n"
            "    c: ${{ a }}\n    self: ${{ self }}\n");
  const auto project = folder.load();
  REQUIRE(project->findings.size() == 2);
  const Error& ring = project->findings[0].error;
  CHECK(brief(ring) == "4:8+8 variables refer to each other: a → b → c → a");
  CHECK(ring.hint ==
        "'b' is at .dstack/variables.yaml:5:8, 'c' is at .dstack/variables.yaml:6:8; give one of "
        "them a value without a reference");
  CHECK(brief(project->findings[1].error) == "7:11+11 variable 'self' refers to itself");
}

TEST_CASE("of a long ring not all places are listed") {
  std::string text = "variables:\n  train:\n";
  for (int i = 0; i < 20; ++i)
    text += "    v" + std::to_string(i) + ": ${{ v" + std::to_string((i + 1) % 20) + " }}\n";
  ProjectFolder folder;
  folder.file(".dstack/workflows.yaml", train).file(".dstack/variables.yaml", text);
  const auto project = folder.load();
  REQUIRE(project->findings.size() == 1);
  const std::string& hint = project->findings[0].error.hint;
  CHECK(hint.find("'v8' is at .dstack/variables.yaml:11:9, 11 more; give one") !=
        std::string::npos);
}

TEST_CASE("a ring through a global variable that a workflow's own one closes is found") {
  CHECK(findings_of(
            train, "variables:\n  global: {a: 1, b: \"${{ a }}\"}\n  train: {a: \"${{ b }}\"}\n") ==
        Findings{"train: 2:21+10 variables refer to each other: b → a → b"});
}

TEST_CASE("variables that double each other's text are refused with the limit") {
  std::string text = "variables:\n  train:\n    v0: 0123456789\n";
  for (int i = 1; i < 60; ++i) {
    const std::string before = std::to_string(i - 1);
    text += "    v" + std::to_string(i) + ": ${{ v" + before + " }}${{ v" + before + " }}\n";
  }
  const Findings findings = findings_of(train, text);
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].find("16,777,216 bytes of text from variables") != std::string::npos);
}

TEST_CASE("a value leads through a bounded number of variables, in whatever order they stand") {
  const auto chain = [](int length, bool is_reversed) {
    std::vector<std::string> lines = {"    v0: x\n"};
    for (int i = 1; i < length; ++i)
      lines.push_back("    v" + std::to_string(i) + ": ${{ v" + std::to_string(i - 1) + " }}\n");
    if (is_reversed)
      std::reverse(lines.begin(), lines.end());
    std::string text = "variables:\n  train:\n";
    for (const std::string& line : lines)
      text += line;
    return findings_of(train, text);
  };
  for (const bool is_reversed : {false, true}) {
    CHECK(chain(60, is_reversed).empty());
    const Findings findings = chain(90, is_reversed);
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].find("leads through more than 64 variables") != std::string::npos);
  }
}

TEST_CASE("references in help and depends-on see the replaced values of variables") {
  ProjectFolder folder;
  folder
      .file(".dstack/workflows.yaml",
            "workflows:\n  - {name: data, provider: bash}\n"
            "  - {name: train, provider: bash, help: 'On ${{ where }}', deps: ['${{ input }}']}\n")
      .file(".dstack/variables.yaml",
            "variables:\n  global: {tag: latest}\n"
            "  train: {input: \"data:${{ tag }}\", where: \"${{ input }}\"}\n");
  const auto project = folder.load();
  REQUIRE(project);
  CHECK(project->findings.empty());
  CHECK(project->workflows[1].help == "On data:latest");
  CHECK(project->workflows[1].depends_on[0].tag == "latest");
  const auto changed = with_other_values(
      *project, [](std::string_view, std::string_view name) -> std::optional<std::string> {
        return name == "tag" ? std::optional<std::string>("v2") : std::nullopt;
      });
  REQUIRE(changed);
  CHECK(changed->workflows[1].depends_on[0].tag == "v2");
}

TEST_CASE("a scope that is not a workflow is reported with a suggestion, and stops no run") {
  ProjectFolder folder;
  folder.file(".dstack/workflows.yaml", train)
      .file(".dstack/variables.yaml", "variables: {trian: {lr: 1}}");
  const auto project = folder.load();
  REQUIRE(project->findings.size() == 1);
  CHECK(project->findings[0].workflow == "trian");
  CHECK(project->findings[0].error.hint == "did you mean 'train'?");
}

TEST_CASE("names whose environment variable is taken are reported") {
  CHECK(findings_of(train,
                    "variables:\n  train:\n    path: 1\n    run-name: 2\n    https_proxy: 3\n    "
                    "port-0: 4\n    port: 5\n") ==
        Findings{"train: 3:5+4 variable 'path' would become PATH, which every job inherits from "
                 "the system",
                 "train: 4:5+8 variable 'run-name' would become RUN_NAME, which dstack sets itself",
                 "train: 5:5+11 variable 'https_proxy' would become HTTPS_PROXY, which every job "
                 "inherits from the system",
                 "train: 6:5+6 variable 'port-0' would become PORT_0, which dstack sets itself"});
}

TEST_CASE("names that cannot be are reported") {
  CHECK(findings_of(train, "variables:\n  train: {2fast: 1, 'a b': 2, -x: 3, run.args: 4}\n") ==
        Findings{"train: 2:11+5 variable '2fast' begins with a digit, which an environment "
                 "variable cannot",
                 "train: 2:21+5 'a b' is not a valid variable name",
                 "train: 2:31+2 '-x' is not a valid variable name",
                 "train: 2:38+8 'run.args' is reserved by dstack"});
}

TEST_CASE("two names of one environment variable are reported") {
  CHECK(findings_of(train, "variables:\n  train:\n    batch-size: 1\n    batch_size: 2\n") ==
        Findings{
            "train: 4:5+10 variables 'batch-size' and 'batch_size' would both become BATCH_SIZE"});
  CHECK(findings_of(train, "variables:\n  global: {Lr: 1}\n  train: {lr: 2}\n") ==
        Findings{"train: 3:11+2 variables 'Lr' and 'lr' would both become LR"});
}

TEST_CASE("what is wrong with global variables concerns every run") {
  CHECK(findings_of(train, "variables: {global: {home: 1}}")[0].substr(0, 2) == ": ");
}

TEST_CASE("the names of the runner and of the system are known") {
  CHECK(job::is_reserved_environment_name("JOB_PORT_12"));
  CHECK(job::is_reserved_environment_name("MASTER_JOB_PORT_0"));
  CHECK_FALSE(job::is_reserved_environment_name("PORT_X"));
  CHECK_FALSE(job::is_reserved_environment_name("JOB_PORT_"));
  CHECK(job::is_base_environment_name("LC_ALL"));
  CHECK(job::is_base_environment_name("no_proxy"));
  CHECK(job::is_base_environment_name("SSL_CERT_FILE"));
  CHECK_FALSE(job::is_base_environment_name("MY_PROXY"));
}

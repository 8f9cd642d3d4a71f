// The schemas that the program prints, used by a validator that is not ours.
#include "dstack/base/text.hpp"
#include "support/catch.hpp"
#include "support/documentation.hpp"

#include <map>

using namespace dstack;
using namespace dstack::test;

namespace {

/// Verdicts of the validator by file; nothing where it is not installed, and then why.
struct Verdicts {
  std::map<std::string, std::string> of;
  std::string missing;
};

Verdicts validate(const Sandbox& box, const std::string& schema, std::vector<std::string> files) {
  process::Command command = box.command({});
  command.argv = {"python3", "-B", DSTACK_SOURCE_DIR "/tests/cli/validate_yaml.py", schema};
  command.argv.insert(command.argv.end(), files.begin(), files.end());
  const auto output = process::run(command, {}, std::chrono::seconds(100));
  if (!output)
    return {{}, render(output.error())};
  if (Sandbox::code(*output) == 77)
    return {{}, output->out};
  INFO(output->err);
  REQUIRE(process::succeeded(output->status));
  Verdicts verdicts;
  for (const std::string_view line : split(output->out, '\n'))
    if (const std::size_t tab = line.find('\t'); tab != std::string_view::npos)
      verdicts.of.emplace(line.substr(0, tab), line.substr(tab + 1));
  REQUIRE(verdicts.of.size() == files.size());
  return verdicts;
}

std::string write_schema(const Sandbox& box, const std::vector<std::string>& options) {
  std::vector<std::string> words = {"schema"};
  words.insert(words.end(), options.begin(), options.end());
  box.file("../schema.json", box.ok(words));
  return (box.root() / "schema.json").string();
}

bool has_root_key(const std::string& yaml, const std::string& key) {
  return yaml.starts_with(key + ":\n") || yaml.find("\n" + key + ":\n") != std::string::npos;
}

/// Every example of a file with this root key that the documentation shows, written to a file.
std::vector<std::string> examples(const Sandbox& box, const std::string& key) {
  std::vector<std::string> files;
  for (const char* folder : {DSTACK_SOURCE_DIR "/docs", DSTACK_SOURCE_DIR "/plugins"})
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      const Path& path = entry.path();
      if (path.filename() == key + ".yaml")
        files.push_back(path.string());
      if (path.extension() != ".md")
        continue;
      for (const std::string& piece : blocks(read_file(path).value(), "yaml")) {
        if (!has_root_key(piece, key))
          continue;
        const std::string name =
            path.stem().string() + "-" + key + std::to_string(files.size()) + ".yaml";
        box.file("../examples/" + name, piece);
        files.push_back((box.root() / "examples" / name).string());
      }
    }
  return files;
}

struct Case {
  std::string name;
  std::string text;
};

std::string workflow(const std::string& rest) {
  return "workflows:\n- {name: w, provider: bash, " + rest + "}\n";
}

const std::vector<Case> right = {
    {"empty list", "workflows: []\n"},
    {"nothing below", "workflows:\n"},
    {"private root keys", "x-common: &c {cpu: 1}\n" + workflow("commands: ls, resources: *c")},
    {"one command", workflow("commands: ls")},
    {"numbers are texts", workflow("commands: [1, true], python: 3.10, help: 5")},
    {"dashes", workflow("commands: ls, working-dir: a, resources: {shm-size: 8GB}")},
    {"underscores", workflow("commands: ls, working_dir: a, resources: {shm_size: 8 gib}")},
    {"alias", "workflows: [{name: w, provider: python, script: train.py, env: {A: 1}}]\n"},
    {"references",
     workflow("commands: ['${{ run.name }}'], resources: {cpu: '${{ n }}', local: '${{ yes }}', "
              "memory: '${{ n }}GB'}")},
    {"nulls are nothing", workflow("commands: ls, artifacts: , environment: , deps: ")},
    {"environment as a list", workflow("commands: ls, env: ['A=b c', HOME, X=]")},
    {"environment with an empty value", workflow("commands: ls, env: {A: , B: 2}")},
    {"artifacts in every form", workflow("commands: ls, artifacts: [a, {path: ./b}, c/]")},
    {"one artifact", workflow("commands: ls, artifacts: {path: a}")},
    {"an optional artifact",
     workflow("commands: ls, artifacts: [{path: '*.csv', optional: true}]")},
    {"gpu as a map", workflow("commands: ls, resources: {gpu: {count: 0, memory: 16 GB}}")},
    {"numbers in quotes", workflow("commands: ls, resources: {cpu: '1', memory: '1000000'}")},
    {"the least memory", workflow("commands: ls, resources: {memory: 1000000, shm_size: 977KiB}")},
    {"a limit of processes and of the disk",
     workflow("commands: ls, resources: {processes: 100, disk: 50GB}")},
    {"a sandbox", workflow("commands: ls, sandbox: strict")},
    {"a sandbox as a map",
     workflow("commands: ls, sandbox: {level: strict, read: [/data], write: /b, network: host}")},
    {"no memory", workflow("commands: ls, resources: {memory: 0, shm_size: 0 GB}")},
    {"what all have",
     workflow("commands: ls, workspace: copy, setup: [a], timeout: 1h30m, retry: 2")},
    {"what all have, otherwise", workflow("commands: ls, workspace: , before-run: a, timeout: 90")},
    {"code above the project", "root: ../..\n" + workflow("commands: ls")},
    {"defaults",
     "defaults: {python: '3.11', env: {A: 1}, requirements: r.txt, artifacts: }\n" +
         workflow("commands: ls")},
    {"requirements in every form",
     workflow("commands: ls, requirements: [r.txt, {file: pyproject.toml, extras: [a], groups: b}, "
              "{file: a/uv.lock, project: true}]")},
    {"dependencies as maps",
     "workflows: [{name: a, provider: bash, commands: ls},\n"
     " {name: b, provider: bash, commands: ls, deps: [a, {workflow: a, tag: v1}]}]\n"},
    {"one dependency",
     "workflows: [{name: a, provider: bash, commands: ls},\n"
     " {name: b, provider: bash, commands: ls, deps: a}]\n"},
    {"matrix",
     workflow(
         "commands: ls, matrix: {a: [1, x], b: '1..3', c: {values: [1], when: a=1}, zip: [[a], "
         "{d: [1, 2], e: [3, 4]}], exclude: [{a: 1}], include: [{f: 2}]}")},
};

const std::vector<Case> wrong = {
    {"no root key", "{}\n"},
    {"unknown root key", "workflow: []\n"},
    {"workflows is a map", "workflows: {w: {provider: bash}}\n"},
    {"entry is a text", "workflows: [w]\n"},
    {"no name", "workflows: [{provider: bash, commands: ls}]\n"},
    {"no provider", "workflows: [{name: w, commands: ls}]\n"},
    {"name with a blank", "workflows: [{name: a b, provider: bash, commands: ls}]\n"},
    {"name global", "workflows: [{name: global, provider: bash, commands: ls}]\n"},
    {"unknown provider", "workflows: [{name: w, provider: bsh, commands: ls}]\n"},
    {"unknown key", workflow("commands: ls, artefacts: [a]")},
    {"key of another provider", workflow("commands: ls, file: a.py")},
    {"missing required", workflow("help: x")},
    {"empty required", workflow("commands: []")},
    {"null required", workflow("commands: ")},
    {"missing required with an alias", "workflows: [{name: w, provider: streamlit, args: [a]}]\n"},
    {"property under two names",
     "workflows: [{name: w, provider: python, file: a.py, script: a.py}]\n"},
    {"property in two spellings", workflow("commands: ls, working-dir: a, working_dir: a")},
    {"dependencies under two keys", workflow("commands: ls, deps: [], depends-on: []")},
    {"code below the project", "root: sub\n" + workflow("commands: ls")},
    {"defaults is a list", "defaults: [a]\n" + workflow("commands: ls")},
    {"defaults with a name", "defaults: {name: a}\n" + workflow("commands: ls")},
    {"defaults that nobody takes", "defaults: {artefacts: [a]}\n" + workflow("commands: ls")},
    {"requirements without a file", workflow("commands: ls, requirements: {extras: [a]}")},
    {"requirements with an unknown part",
     workflow("commands: ls, requirements: {file: uv.lock, extra: [a]}")},
    {"dependency without its workflow", workflow("commands: ls, deps: [{tag: v1}]")},
    {"dependency with another key", workflow("commands: ls, deps: [{workflow: w, tags: v1}]")},
    {"commands is a map", workflow("commands: {a: b}")},
    {"command is a list", workflow("commands: [[ls]]")},
    {"environment is a text", workflow("commands: ls, environment: A=1")},
    {"environment with a list in it", workflow("commands: ls, environment: {A: [1]}")},
    {"environment with a bad name", workflow("commands: ls, environment: {A-B: 1}")},
    {"listed environment with a bad name", workflow("commands: ls, env: ['1A=2']")},
    {"artifact outside", workflow("commands: ls, artifacts: [../a]")},
    {"artifact absolute", workflow("commands: ls, artifacts: [/a]")},
    {"artifact without path", workflow("commands: ls, artifacts: [{name: a}]")},
    {"unknown resource", workflow("commands: ls, resources: {cpus: 1}")},
    {"cpu is a word", workflow("commands: ls, resources: {cpu: many}")},
    {"cpu is negative", workflow("commands: ls, resources: {cpu: -1}")},
    {"memory without number", workflow("commands: ls, resources: {memory: GB}")},
    {"memory with a point", workflow("commands: ls, resources: {memory: 1.5GB}")},
    {"memory without unit", workflow("commands: ls, resources: {memory: 16}")},
    {"memory without unit, in quotes", workflow("commands: ls, resources: {memory: '16'}")},
    {"shared memory too small", workflow("commands: ls, resources: {shm_size: 99KB}")},
    {"a GPU's memory without unit", workflow("commands: ls, resources: {gpu: {memory: 16}}")},
    {"disk is a word", workflow("commands: ls, resources: {disk: wide}")},
    {"another sandbox", workflow("commands: ls, sandbox: none")},
    {"a sandbox with an unknown member", workflow("commands: ls, sandbox: {reads: [/data]}")},
    {"boolean is a word", workflow("commands: ls, resources: {local: maybe}")},
    {"resources is a number", workflow("commands: ls, resources: 3")},
    {"workspace is none", workflow("commands: ls, workspace: nowhere")},
    {"setup under two names", workflow("commands: ls, setup: a, before_run: a")},
    {"timeout is a word", workflow("commands: ls, timeout: soon")},
    {"timeout with units in the wrong order", workflow("commands: ls, timeout: 5s1h")},
    {"retry is negative", workflow("commands: ls, retry: -1")},
    {"matrix is a list", workflow("commands: ls, matrix: [1]")},
    {"matrix is empty", workflow("commands: ls, matrix: {}")},
    {"matrix without values", workflow("commands: ls, matrix: {a: []}")},
    {"matrix with a list in a list", workflow("commands: ls, matrix: {a: [[1]]}")},
    {"matrix with an unknown part",
     workflow("commands: ls, matrix: {a: {values: [1], if: 'b=1'}, b: [1]}")},
    {"matrix with a wrong condition",
     workflow("commands: ls, matrix: {a: {values: [1], when: b}, b: [1]}")},
    {"matrix that excludes a text", workflow("commands: ls, matrix: {a: [1, 2], exclude: [1]}")},
    {"dependency is a map", workflow("commands: ls, deps: [{download: latest}]")},
    {"dependency without its tag", workflow("commands: ls, deps: ['download:']")},
};

/// The files of the cases, by their paths.
std::map<std::string, Case> write(const Sandbox& box, const std::vector<Case>& cases) {
  std::map<std::string, Case> files;
  for (const Case& one : cases) {
    const std::string name = "cases/" + std::to_string(files.size()) + ".yaml";
    box.file("../" + name, one.text);
    files.emplace((box.root() / name).string(), one);
  }
  return files;
}

std::vector<std::string> names_of(const std::map<std::string, Case>& files) {
  std::vector<std::string> names;
  for (const auto& [name, one] : files)
    names.push_back(name);
  return names;
}

}  // namespace

TEST_CASE("every example of the documentation is valid by the schema") {
  const Sandbox box;
  const std::vector<std::string> workflows = examples(box, "workflows");
  const std::vector<std::string> variables = examples(box, "variables");
  CHECK(workflows.size() >= 4);
  CHECK(variables.size() >= 2);
  const Verdicts first = validate(box, write_schema(box, {}), workflows);
  const Verdicts second = validate(box, write_schema(box, {"--variables"}), variables);
  if (!first.missing.empty())
    SKIP(first.missing);
  for (const auto* verdicts : {&first.of, &second.of})
    for (const auto& [file, verdict] : *verdicts) {
      INFO(file);
      CHECK(verdict == "right");
    }
}

TEST_CASE("what dstack accepts is valid by the schema") {
  const Sandbox box;
  const auto files = write(box, right);
  const Verdicts verdicts = validate(box, write_schema(box, {}), names_of(files));
  if (!verdicts.missing.empty())
    SKIP(verdicts.missing);
  box.file("train.py", "");
  box.file("r.txt", "");
  const std::string project =
      "[project]\nname = 'p'\nversion = '1'\noptional-dependencies = {a = []}\n"
      "[dependency-groups]\nb = []\n";
  box.file("pyproject.toml", project);
  box.file("a/pyproject.toml", project);
  box.file("a/uv.lock", "version = 1\n");
  box.file(".dstack/variables.yaml", "variables: {global: {n: 1, yes: true}}\n");
  for (const auto& [file, verdict] : verdicts.of) {
    INFO(files.at(file).name << "\n" << files.at(file).text);
    CHECK(verdict == "right");
    box.workflows(files.at(file).text);
    const auto own = box.run({"validate"});
    CHECK(own.err == "");
  }
}

TEST_CASE("what dstack refuses is invalid by the schema, as far as it depends on the file alone") {
  const Sandbox box;
  const auto files = write(box, wrong);
  const Verdicts verdicts = validate(box, write_schema(box, {}), names_of(files));
  if (!verdicts.missing.empty())
    SKIP(verdicts.missing);
  for (const auto& [file, verdict] : verdicts.of) {
    INFO(files.at(file).name << "\n" << files.at(file).text);
    CHECK(verdict.starts_with("wrong: "));
    box.workflows(files.at(file).text);
    CHECK(box.refused({"validate"}, 2).find("--> .dstack/workflows.yaml:") != std::string::npos);
  }
}

TEST_CASE("variables are checked by a schema of their own") {
  const Sandbox box;
  const std::vector<Case> cases = {{"right", "variables: {global: {seed: 1}, train: {lr: 0.1}}\n"},
                                   {"right", "x-a: 1\nvariables: {train: }\n"},
                                   {"wrong", "variables: {seed: 1}\n"},
                                   {"wrong", "variables: {train: {a: [1]}}\n"},
                                   {"wrong", "variables: {train: {a: }}\n"},
                                   {"wrong", "variables: {train: {1a: 2}}\n"},
                                   {"wrong", "variable: {}\n"}};
  const auto files = write(box, cases);
  const Verdicts verdicts = validate(box, write_schema(box, {"--variables"}), names_of(files));
  if (!verdicts.missing.empty())
    SKIP(verdicts.missing);
  for (const auto& [file, verdict] : verdicts.of) {
    INFO(files.at(file).text);
    CHECK(verdict.substr(0, 5) == files.at(file).name);
  }
}

TEST_CASE("every provider that can be used is part of the schema") {
  const Sandbox box;
  const Json schema = box.json({"schema"});
  const Json listed = box.json({"providers", "list", "--json"});
  const Json& known = schema["$defs"]["workflow"]["properties"]["provider"]["enum"];
  for (const Json& provider : listed)
    CHECK(std::find(known.begin(), known.end(), provider["name"]) != known.end());
}

#include "dstack/config/project/project.hpp"

#include "support/catch.hpp"
#include "unit/config/yaml/parsing.hpp"

using namespace dstack;
using namespace dstack::config;
using namespace dstack::config::test;

namespace {

/// Workflows that depend on each other as the pairs say: {"a", "[b, c]"}.
std::string graph(const std::vector<std::pair<std::string, std::string>>& workflows) {
  std::string text = "workflows:\n";
  for (const auto& [name, dependencies] : workflows)
    text += "  - {name: " + name + ", provider: bash, depends-on: " + dependencies + "}\n";
  return text;
}

}  // namespace

TEST_CASE("a workflow is read with its dependencies, and the provider's keys as written") {
  ProjectFolder folder;
  folder.file(".dstack/workflows.yaml",
              "workflows:\n  - name: download\n    provider: python\n    file: d.py\n"
              "  - name: train\n    help: \"Trains\"\n    provider: python\n    depends-on: "
              "[download, download:latest]\n"
              "    version: 3.10\n    working-dir: src\n");
  const auto project = folder.load();
  REQUIRE(project);
  CHECK(project->findings.empty());
  REQUIRE(project->workflows.size() == 2);
  const Workflow& train = *project->find("train");
  CHECK(train.help == "Trains");
  CHECK(train.provider == "python");
  CHECK(place(train.where) == "5:5+11");
  CHECK(place(train.name_where) == "5:11+5");
  REQUIRE(train.depends_on.size() == 2);
  CHECK_FALSE(train.depends_on[0].tag);
  CHECK(train.depends_on[1].workflow == "download");
  CHECK(train.depends_on[1].tag == "latest");
  CHECK(shown(train.properties) == "{version: 3.10, working-dir: src}");
  CHECK(project->find("nothing") == nullptr);
}

TEST_CASE("depends-on has other spellings, and one name is a list of one") {
  for (const std::string key : {"deps", "depends_on", "depends-on"}) {
    ProjectFolder folder;
    folder.file(".dstack/workflows.yaml",
                "workflows:\n- {name: a, provider: b, " + key + ": c}\n- {name: c, provider: b}\n");
    const auto project = folder.load();
    REQUIRE(project->find("a")->depends_on.size() == 1);
    CHECK(project->findings.empty());
  }
  CHECK(findings_of("workflows:\n- {name: a, provider: b, deps: [c], depends_on: [c]}\n- {name: c, "
                    "provider: b}\n") ==
        Findings{"a: 2:37+10 'depends_on' and 'deps' are the same key"});
}

TEST_CASE("a dependency may be a map of a workflow and a tag") {
  ProjectFolder folder;
  folder.file(".dstack/variables.yaml", "variables: {all: {which: best}}\n");
  folder.file(
      ".dstack/workflows.yaml",
      "workflows:\n"
      "  - {name: a, provider: bash}\n"
      "  - {name: all, provider: bash, deps: [{workflow: a}, {workflow: a, tag: v1}, 'a:v2', "
      "{tag: '${{ which }}', workflow: a}]}\n"
      "  - {name: one, provider: bash, deps: {workflow: a, tag: v1}}\n");
  const auto project = folder.load();
  REQUIRE(project);
  CHECK(project->findings.empty());
  const auto& all = project->find("all")->depends_on;
  REQUIRE(all.size() == 4);
  CHECK(all[0].workflow == "a");
  CHECK_FALSE(all[0].tag);
  CHECK(all[1].tag == "v1");
  CHECK(place(all[1].where) == "3:55+22");
  CHECK(all[3].tag == "best");
  const auto changed =
      with_other_values(*project, [](auto, auto) -> std::optional<std::string> { return "other"; });
  REQUIRE(changed);
  CHECK(changed->find("all")->depends_on[3].tag == "other");
  REQUIRE(project->find("one")->depends_on.size() == 1);
  CHECK(project->find("one")->depends_on[0].tag == "v1");
}

TEST_CASE("a dependency that is another map says what it lacks") {
  const auto of = [](const std::string& entry) {
    return findings_of("workflows:\n- {name: a, provider: b}\n- {name: c, provider: b, deps: [" +
                       entry + "]}\n");
  };
  CHECK(of("{tag: v1}") == Findings{"c: 3:33+9 the dependency has a tag, but no 'workflow'"});
  CHECK(of("{workflow: a, tags: v1}") == Findings{"c: 3:47+4 unknown key 'tags'"});
  CHECK(of("{workflow: }") == Findings{"c: 3:34+8 'workflow' is empty"});
  CHECK(of("{workflow: [a]}") == Findings{"c: 3:44+3 'workflow' must be a text, not a list"});
  CHECK(of("{workflow: a b}") == Findings{"c: 3:33+15 'a b' is not a valid workflow name"});
  CHECK(of("{workflow: x}") == Findings{"c: 3:33+13 there is no workflow 'x'"});
  CHECK(of("a, {workflow: a}") == Findings{"c: 3:36+13 duplicate entry 'a' in 'depends-on'"});
}

TEST_CASE("root is a folder above the project's, where its code begins") {
  ProjectFolder folder;
  folder.file("services/a/.dstack/workflows.yaml", "root: ../..\nworkflows: []\n");
  const Path inside = folder.path() / "services" / "a";
  const auto project = load_project(inside);
  REQUIRE(project);
  CHECK(project->findings.empty());
  CHECK(project->folder == real_path(inside));
  CHECK(project->root == real_path(folder.path()));
  CHECK(project->base == "services/a");
  CHECK(code_root(inside) == real_path(folder.path()));
  CHECK(code_root(folder.path()) == real_path(folder.path()));
}

TEST_CASE("root is given once, and is nothing but a folder above") {
  for (const std::string wrong : {"sub",
                                  ".",
                                  "''",
                                  "/",
                                  "/tmp",
                                  "[..]",
                                  "../sub",
                                  "",
                                  "../../../../../../../../../../../.."}) {
    CAPTURE(wrong);
    ProjectFolder folder;
    folder.file(".dstack/workflows.yaml", "root: " + wrong + "\nworkflows: []\n");
    const auto project = folder.load();
    REQUIRE(project);
    REQUIRE(project->findings.size() == 1);
    CHECK(project->findings[0].error.message == "'root' must be a folder above the project's");
    CHECK(project->root == project->folder);
    CHECK(project->base.empty());
  }
  ProjectFolder twice;
  twice.file(".dstack/workflows.yaml", "root: ..\nworkflows: []\n");
  twice.file(".dstack/workflows/b.yaml", "workflows: []\nroot: ..\n");
  CHECK(twice.findings() == Findings{": 2:1+4 'root' is given twice"});
}

TEST_CASE("files may end in .yml instead of .yaml") {
  ProjectFolder folder;
  folder.file(".dstack/workflows.yml", "workflows: [{name: a, provider: bash}]\n");
  folder.file(".dstack/variables.yml", "variables: {a: {lr: 1}, b: {x: 1}}\n");
  CHECK(find_project(folder.path() / ".dstack") == real_path(folder.path()));
  const auto project = folder.load();
  REQUIRE(project);
  CHECK(project->defined);
  REQUIRE(project->workflows.size() == 1);
  CHECK(project->workflows[0].where.source->name == ".dstack/workflows.yml");
  CHECK(project->variables.at("a")[0].where.source->name == ".dstack/variables.yml");
  CHECK(folder.findings() == Findings{"b: 1:25 there is no workflow 'b'"});
}

TEST_CASE(
    "a file with both endings is an error that names both, and its other errors are reported") {
  ProjectFolder folder;
  folder.file(".dstack/workflows.yaml", "workflows: [{name: a, provider: bash, deps: [b]}]\n");
  folder.file(".dstack/workflows.yml", "workflows: []\n");
  CHECK(find_project(folder.path()) == real_path(folder.path()));
  CHECK(folder.findings() ==
        Findings{"failed: there are both '.dstack/workflows.yaml' and '.dstack/workflows.yml'",
                 "failed: 1:46 there is no workflow 'b'"});
  ProjectFolder other;
  other.file(".dstack/workflows.yaml", "workflows: []\n");
  other.file(".dstack/variables.yaml", "variables: {}\n");
  other.file(".dstack/variables.yml", "variables: {}\n");
  CHECK(other.findings() ==
        Findings{"failed: there are both '.dstack/variables.yaml' and '.dstack/variables.yml'"});
}

TEST_CASE("the files of .dstack/workflows are merged, in the order of their names") {
  ProjectFolder folder;
  folder.file(".dstack/workflows.yaml", graph({{"one", "[three]"}}));
  folder.file(".dstack/workflows/b.yml", graph({{"three", "[]"}}));
  folder.file(".dstack/workflows/a.yaml", graph({{"two", "[one]"}}));
  folder.file(".dstack/workflows/notes.txt", "not: [yaml");
  folder.file(".dstack/workflows/.hidden.yaml", "not: [yaml");
  const auto project = folder.load();
  REQUIRE(project);
  CHECK(project->findings.empty());
  CHECK(project->workflow_names() == std::vector<std::string>{"one", "two", "three"});
}

TEST_CASE("a name used twice is reported at both places") {
  ProjectFolder folder;
  folder.file(".dstack/workflows/a.yaml", graph({{"train", "[]"}}));
  folder.file(".dstack/workflows/b.yaml", graph({{"other", "[]"}, {"train", "[]"}}));
  const auto project = folder.load();
  REQUIRE(project);
  REQUIRE(project->findings.size() == 2);
  CHECK(project->findings[0].error.where->render() == ".dstack/workflows/a.yaml:2:12");
  CHECK(project->findings[0].error.hint ==
        "the other is at .dstack/workflows/b.yaml:3:12; rename one of them");
  CHECK(project->findings[1].error.where->render() == ".dstack/workflows/b.yaml:3:12");
  CHECK(project->findings[1].workflow == "train");
  CHECK(project->workflows.size() == 2);
}

TEST_CASE("missing keys are reported at the first line of the entry") {
  CHECK(findings_of("workflows:\n  - help: x\n    nmae: y\n  - name: b\n") ==
        Findings{"entry 1 of the list: 2:5+7 the workflow has no 'name'",
                 "entry 1 of the list: 2:5+7 the workflow has no 'provider'",
                 "b: 4:5+7 workflow 'b' has no 'provider'"});
}

TEST_CASE("a misspelt required key gets a suggestion") {
  ProjectFolder folder;
  folder.file(".dstack/workflows.yaml", "workflows:\n  - nmae: y\n    provider: b\n");
  CHECK(folder.load()->findings[0].error.hint == "did you mean 'name' instead of 'nmae'?");
}

TEST_CASE("an entry without a name stops no run") {
  ProjectFolder folder;
  folder.file(".dstack/workflows.yaml",
              "workflows:\n  - provider: b\n  - {name: a, provider: b}\n");
  const auto project = folder.load();
  REQUIRE(project->findings.size() == 1);
  CHECK_FALSE(project->findings[0].workflow.empty());
  CHECK(project->find("a") != nullptr);
}

TEST_CASE("values of the host's keys must have their type") {
  CHECK(findings_of("workflows:\n- {name: [a], provider: {b: c}, help: [d]}\n- {name: '', "
                    "provider: b}\n- train\n-\n") ==
        Findings{"entry 1 of the list: 2:10+3 'name' must be a text, not a list",
                 "entry 1 of the list: 2:25+6 'provider' must be a text, not a map",
                 "entry 1 of the list: 2:39+3 'help' must be a text, not a list",
                 "entry 2 of the list: 3:10+2 'name' is empty",
                 "entry 3 of the list: 4:3+5 a workflow must be a map with 'name' and 'provider', "
                 "not a text",
                 "entry 4 of the list: 5:1 a workflow must be a map with 'name' and 'provider', "
                 "not null"});
  CHECK(findings_of("workflows:\n- {name: a b, provider: p}\n- {name: global, provider: p}\n- "
                    "{name: \"${{ x }}\", provider: p}\n") ==
        Findings{
            "entry 1 of the list: 2:10+3 'a b' is not a valid workflow name",
            "entry 2 of the list: 3:10+6 a workflow cannot be called 'global'",
            "entry 3 of the list: 4:10+10 'name' cannot hold a reference such as '${{ name }}'"});
}

TEST_CASE("the root must be a map with a list of workflows") {
  CHECK(findings_of("- a\n") ==
        Findings{": 1:1+3 the file must be a map with the key 'workflows', not a list"});
  CHECK(findings_of("workflows: {a: b}\n") ==
        Findings{": 1:12+6 'workflows' must be a list, not a map"});
  CHECK(findings_of("x-a: 1\n") == Findings{": 1:1+6 the file has no key 'workflows'"});
  CHECK(findings_of("workflow: []\n") == Findings{": 1:1+8 unknown key 'workflow'"});
  CHECK(findings_of("x-a: &a {provider: b}\nworkflows: [{name: c, <<: *a}]\n").empty());
  CHECK(findings_of("").empty());
  CHECK(findings_of("workflows:\n").empty());
}

TEST_CASE("an unknown dependency is reported with a suggestion; tags are checked by the plan") {
  ProjectFolder folder;
  folder.file(".dstack/workflows.yaml",
              graph({{"train", "[downlaod, other:latest]"}, {"download", "[]"}}));
  const auto project = folder.load();
  REQUIRE(project->findings.size() == 1);
  CHECK(brief(project->findings[0].error) == "2:48+8 there is no workflow 'downlaod'");
  CHECK(project->findings[0].error.hint == "did you mean 'download'?");
}

TEST_CASE("dependencies that cannot be read are reported") {
  CHECK(findings_of("workflows:\n- name: a\n  provider: b\n  deps:\n  - c: latest\n  - 'x:'\n  - "
                    "'x:a b'\n  - a b\n  - a:x\n  - a:x\n") ==
        Findings{"a: 5:5+9 a dependency must be the name of a workflow, not a map",
                 "a: 6:5+4 missing tag after 'x:'",
                 "a: 7:5+7 'a b' is not a valid tag name",
                 "a: 8:5+3 'a b' is not a valid workflow name",
                 "a: 10:5+3 duplicate entry 'a:x' in 'depends-on'"});
  CHECK(findings_of("workflows: [{name: a, provider: b, deps: {c: d}}]") ==
        Findings{"a: 1:42+6 'depends-on' must be a list of workflows, not a map"});
}

TEST_CASE("a cycle is reported once, at the first of its entries, as a whole") {
  CHECK(findings_of(
            graph({{"z", "[a]"}, {"a", "[b]"}, {"b", "[c]"}, {"c", "[x, a]"}, {"x", "[]"}})) ==
        Findings{"a: 3:44 dependency cycle: a → b → c → a"});
  CHECK(findings_of(graph({{"a", "[a]"}})) == Findings{"a: 2:44 workflow 'a' depends on itself"});
  CHECK(findings_of(graph({{"a", "[b, c]"}, {"b", "[a]"}, {"c", "[a]"}})).size() == 2);
}

TEST_CASE("neither a diamond nor a tag is a cycle") {
  CHECK(findings_of(graph({{"a", "[b, c]"}, {"b", "[d]"}, {"c", "[d]"}, {"d", "[]"}})).empty());
  CHECK(findings_of(graph({{"a", "[a:latest]"}})).empty());
}

TEST_CASE("a very long chain that closes is found") {
  std::vector<std::pair<std::string, std::string>> workflows;
  for (int i = 0; i < 10'000; ++i)
    workflows.emplace_back("w" + std::to_string(i), "[w" + std::to_string((i + 1) % 10'000) + "]");
  const Findings findings = findings_of(graph(workflows));
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].substr(0, 9) == "w0: 2:45+");
}

TEST_CASE("variables stand in dependencies and in help") {
  ProjectFolder folder;
  folder.file(".dstack/variables.yaml", "variables: {global: {t: latest, n: 3}, train: {n: 5}}");
  folder.file(".dstack/workflows.yaml",
              "workflows:\n- name: train\n  help: For ${{ n }} epochs\n  provider: b\n  deps: "
              "[\"train:${{ t }}\"]\n");
  const auto project = folder.load();
  REQUIRE(project);
  CHECK(project->findings.empty());
  const Workflow& train = project->workflows[0];
  CHECK(train.help == "For 5 epochs");
  CHECK(train.depends_on[0].tag == "latest");
  CHECK(train.depends_on[0].written == "train:${{ t }}");
  CHECK(findings_of("workflows:\n- {name: a, provider: b, deps: \"a:${{ t }}\"}\n") ==
        Findings{"a: 2:39 there is no variable 't'"});
}

TEST_CASE("errors of the text concern the workflow in whose lines they stand") {
  CHECK(findings_of("x-a: {b: 1, b: 2}\nworkflows:\n- name: a\n  provider: p\n  k: 1\n  k: 2\n- "
                    "name: b\n  provider: p\n"
                    "x-c: {d: 1, d: 2}\n") == Findings{": 1:13 duplicate key 'b'",
                                                       "a: 6:3 duplicate key 'k'",
                                                       ": 9:13 duplicate key 'd'"});
}

TEST_CASE("after a syntax error in one file the others are still checked") {
  ProjectFolder folder;
  folder.file(".dstack/workflows/a.yaml", "workflows: [\n");
  folder.file(".dstack/workflows/b.yaml", "workflows:\n- {name: x, deps: [from-a]}\n");
  folder.file(".dstack/variables.yaml", "variables: {also-from-a: {path: 1}}");
  const Findings findings = folder.findings();
  CHECK(findings == Findings{"failed: 1:12 '[' is never closed",
                             "failed: 2:3+25 workflow 'x' has no 'provider'",
                             "failed: 1:27+4 variable 'path' would become PATH, which every job "
                             "inherits from the system"});
}

TEST_CASE("a file that cannot be a file, or is too large, is reported by its name") {
  ProjectFolder folder;
  folder.file(".dstack/workflows.yaml/inside", "");
  const auto project = folder.load();
  REQUIRE_FALSE(project);
  CHECK(project.error().message == "'.dstack/workflows.yaml' is not a file");
  ProjectFolder large;
  large.file(".dstack/workflows.yaml", std::string((2u << 20) + 1, '#'));
  CHECK(large.findings() == Findings{"failed: 1:1 the file is larger than 2 MiB"});
}

TEST_CASE("the nearest project is found from below, and none where there is none") {
  ProjectFolder folder;
  folder.file(".dstack/workflows.yaml", "");
  folder.file("src/deep/file", "");
  folder.file("nested/.dstack/workflows/a.yaml", "");
  folder.file("nested/src/file", "");
  const Path root = fs::canonical(folder.path());
  CHECK(find_project(folder.path() / "src" / "deep") == root);
  CHECK(find_project(folder.path()) == root);
  CHECK(find_project(folder.path() / "nested" / "src") == root / "nested");
  ProjectFolder none;
  none.file(".dstack/config.yaml", "");
  const auto found = find_project(none.path());
  CHECK((!found || *found != fs::canonical(none.path())));
}

TEST_CASE("a project that is not defined has nothing in it") {
  ProjectFolder folder;
  const Project project = undefined_project(folder.path());
  CHECK_FALSE(project.defined);
  CHECK(project.root == fs::canonical(folder.path()));
  CHECK(project.workflows.empty());
}

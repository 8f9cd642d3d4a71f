// `dstack run FILE`: a script, without a workflow.
#include "support/catch.hpp"
#include "support/sandbox.hpp"
#include "words.hpp"

using namespace dstack;
using dstack::test::named;
using dstack::test::Sandbox;

namespace {

/// The same command, from a folder of the project.
process::Output run_in(const Sandbox& box,
                       const std::string& folder,
                       const std::vector<std::string>& words) {
  process::Command command = box.command(words);
  command.working_dir = (box.project() / folder).string();
  auto output = process::run(command, {}, std::chrono::seconds(100));
  REQUIRE(output);
  return *std::move(output);
}

const std::string no_workflows = "workflows: []\n";

}  // namespace

TEST_CASE("a Python script runs by its path, without a project") {
  const Sandbox box;
  box.file("src/show words.py", "import sys\nprint(sys.argv[1:])\n");
  box.file("train.py",
           "import sys, os\nprint(sys.argv[1:], os.path.exists('src/show words.py'))\n");
  CHECK(box.ok({"run", "-q", "train.py", "first", "--", "--lr", "0.1", "a b"}) ==
        "['first', '--lr', '0.1', 'a b'] True\n");
  CHECK(box.ok({"run", "-q", "./src/show words.py"}) == "[]\n");
  CHECK(box.ok({"run", "-q", (box.project() / "train.py").string(), "-a", "src"}) == "[] True\n");
  CHECK_FALSE(fs::exists(box.project() / ".dstack"));
}

TEST_CASE("the run of a script is recorded and shown like any other") {
  const Sandbox box;
  box.file("jobs/train.py",
           "import os; os.mkdir('out'); open('out/x', 'w').write('1'); print('hi')\n");
  box.ok({"run", "-q", "jobs/train.py", "-a", "out", "-t", "latest"});
  const std::string name = box.last_run();
  const Json shown = box.json({"show", "--json"});
  CHECK(shown["target"] == "jobs/train.py");
  CHECK(shown["workflows"][0]["workflow"] == "train.py");
  CHECK(shown["workflows"][0]["provider"] == "python");
  CHECK(box.ok({"logs"}) == "hi\n");
  CHECK(box.json({"ps", "train.py", "--json"})[0]["run"] == name);
  CHECK(box.ok({"artifacts", "cat", "train.py:latest", "out/x"}) == "1");
  box.ok({"run", "-q", "jobs/train.py", "-a", "out", "-t", "latest", "--force"});
  CHECK(box.json({"tags", "list", "--json"})[0]["run"] == box.last_run());
}

TEST_CASE("a shell script runs in bash, with the arguments after the dashes") {
  const Sandbox box;
  box.file("bin/-x.sh", "printf '[%s]' \"$0\" \"$@\"; echo\nexit 3\n");
  const auto output = box.run({"run", "-q", "bin/-x.sh", "--", "a b", "$HOME", "${{ x }}"});
  CHECK(output.out == "[./bin/-x.sh][a b][$HOME][${{ x }}]\n");
  CHECK(Sandbox::code(output) == 3);
  CHECK(box.run({"run", "-q", "bin/-x.sh", "--working-dir", "bin"}).out == "[./-x.sh]\n");
  CHECK_THAT(box.refused({"run", "bin/-x.sh", "-c", "true"}, 2),
             Catch::Contains("a script is run without other commands"));
  CHECK_THAT(box.refused({"run", "bin/-x.sh", "stray"}, 2),
             Catch::Contains("unexpected argument 'stray'"));
}

TEST_CASE("a notebook is opened by the provider notebook") {
  const Sandbox box;
  box.file("lab/my notes.ipynb", "{}");
  const auto plan = [&](const std::vector<std::string>& words) {
    std::vector<std::string> all = {"run", "--dry-run", "--json"};
    all.insert(all.end(), words.begin(), words.end());
    return box.json(all);
  };
  const Json opened = plan({"lab/my notes.ipynb"});
  CHECK(opened["workflows"][0]["provider"] == "notebook");
  CHECK(opened["workflows"][0]["name"] == "notebook");  // no name of a workflow has a blank
  CHECK(opened["jobs"][0]["spec"]["apps"][0]["path"] == "/notebooks/lab/my%20notes.ipynb");
  CHECK(
      plan({"lab/my notes.ipynb", "--working-dir", "lab"})["jobs"][0]["spec"]["apps"][0]["path"] ==
      "/notebooks/my%20notes.ipynb");
  CHECK(plan({"notebook", "lab/my notes.ipynb"})["jobs"][0]["spec"]["apps"][0]["path"] ==
        "/notebooks/lab/my%20notes.ipynb");
  CHECK(plan({"notebook"})["jobs"][0]["spec"]["apps"][0]["path"] == "/tree");
  box.file("other/x", "");
  CHECK_THAT(box.refused({"run", "lab/my notes.ipynb", "--working-dir", "other"}, 2),
             Catch::Contains("is not below the working directory"));
  CHECK_THAT(box.refused({"run", "lab/my notes.ipynb", "--", "x"}, 2),
             Catch::Contains("takes no arguments after '--'"));
}

TEST_CASE("a workflow with the name of a script wins") {
  const Sandbox box;
  box.workflows("workflows:\n  - {name: train.py, provider: bash, commands: [echo workflow]}\n");
  box.file("train.py", "print('script')\n");
  CHECK(box.ok({"run", "-q", "train.py"}) == "workflow\n");
  CHECK(box.ok({"run", "-q", "./train.py"}) == "script\n");
}

TEST_CASE("a script is named as seen from where the user is") {
  const Sandbox box;
  box.workflows(no_workflows);
  box.file("a/b/t.py", "import os\nprint('here', os.path.exists('a/b/t.py'))\n");
  box.file("top.py", "print('top')\n");
  CHECK(run_in(box, "a/b", {"run", "-q", "t.py"}).out == "here True\n");
  CHECK(run_in(box, "a", {"run", "-q", "b/t.py"}).out == "here True\n");
  CHECK(run_in(box, "a/b", {"run", "-q", "../../top.py"}).out == "top\n");
  CHECK(run_in(box, "a", {"ps", "-a", "--json"}).out == box.ok({"ps", "-a", "--json"}));
  const auto outside = run_in(box, "a", {"run", "../../elsewhere.py"});
  CHECK(Sandbox::code(outside) == 2);
  CHECK_THAT(outside.err, Catch::Contains("'../../elsewhere.py' is not in the project"));
}

TEST_CASE("without a .dstack folder the project is the current folder") {
  const Sandbox box;
  box.file("a/t.py", "import os\nprint(sorted(os.listdir('.')))\n");
  box.file("top.py", "");
  CHECK(run_in(box, "a", {"run", "-q", "t.py"}).out == "['t.py']\n");
  const auto outside = run_in(box, "a", {"run", "../top.py"});
  CHECK(Sandbox::code(outside) == 2);
  CHECK_THAT(outside.err, Catch::Contains("the project is the current folder"));
}

TEST_CASE("a script that is not there is an error with the nearest name") {
  const Sandbox box;
  box.workflows(no_workflows);
  box.file("train.py", "");
  box.file("deep/model.py", "");
  box.file("folder.py/x", "");
  box.file(".dstackignore", "secret.py\n");
  box.file("secret.py", "");
  const auto refused = [&](const std::string& name) { return box.refused({"run", name}, 2); };
  CHECK(refused("trian.py") == "error: there is no file 'trian.py' in '" + box.project().string() +
                                   "'\n --> command line:1:12\n  |\n1 | dstack run trian.py\n"
                                   "  |            ^^^^^^^^\nhint: did you mean 'train.py'?\n");
  CHECK_THAT(refused("model.py"), Catch::Contains("there is 'deep/model.py'"));
  CHECK_THAT(refused("nothing-like-it.sh"), Catch::Contains("no workflow has this name either"));
  CHECK_THAT(refused("folder.py"), Catch::Contains("'folder.py' is a folder"));
  CHECK_THAT(refused("secret.py"), Catch::Contains("secret.py"));
  CHECK_THAT(refused("./train"), Catch::Contains("ends in '.py', '.ipynb' or '.sh'"));
}

TEST_CASE("dependencies that a script lists in itself are not ignored silently") {
  const Sandbox box;
  box.file("plain.py", "x = '# /// script'\n");
  box.file("listed.py",
           "#!/usr/bin/env python3\n# /// script\n# dependencies = [\"numpy\"]\n# ///\n");
  box.file("r.txt", "");
  CHECK_THAT(box.run({"run", "listed.py"}).err,
             Catch::Contains("note: 'listed.py' lists its dependencies in itself"));
  CHECK_THAT(box.ok({"run", "listed.py", "--dry-run"}),
             Catch::Contains("lists its dependencies in itself"));
  CHECK_THAT(box.ok({"run", "plain.py", "--dry-run"}), !Catch::Contains("in itself"));
  CHECK_THAT(box.ok({"run", "listed.py", "-r", "r.txt", "--dry-run"}),
             !Catch::Contains("in itself"));
}

TEST_CASE("the help of a script shows the options of its provider") {
  const Sandbox box;
  box.file("train.py", "");
  const std::string text = box.ok({"run", "train.py", "--help"});
  CHECK_THAT(text,
             Catch::StartsWith("train.py: Runs a Python script\nRuns with provider 'python'."));
  CHECK_THAT(text, Catch::Contains("-r, --requirements FILE"));
  CHECK_THAT(text, !Catch::Contains("  FILE "));
  CHECK_THAT(box.refused({"run", "train.py", "--lr", "0.1"}, 2),
             Catch::Contains("script 'train.py' has no option or variable '--lr'") &&
                 Catch::Contains("dstack run train.py … -- ARGS"));
}

TEST_CASE("a script gets data that is not code with --input") {
  const Sandbox box;
  box.file(".gitignore", "/data\n");
  box.file("data/x", "inside ");
  box.file("src/read.py", "print(open('data/x').read() + open('more/y').read())\n");
  REQUIRE(make_folders(box.root() / "more"));
  REQUIRE(write_file_atomically(box.root() / "more/y", "outside", Durable::no));
  const std::string outside = (box.root() / "more").string();
  CHECK(box.ok({"run", "-q", "src/read.py", "--input", "data", "--input", outside}) ==
        "inside outside\n");
  // As seen from where the user stands; what is outside is found by its name.
  const auto output =
      run_in(box, "src", {"run", "-q", "read.py", "--input", "../data", "--input", "../../more"});
  CHECK(output.out == "inside outside\n");
  CHECK_THAT(box.refused({"run", "src/read.py", "--input", "date"}, 2),
             Catch::Contains("did you mean 'data'?"));
}

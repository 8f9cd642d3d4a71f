// The program in a pipe: its exact output, its exit codes, its JSON.
#include "dstack/base/text.hpp"
#include "support/catch.hpp"
#include "support/sandbox.hpp"
#include "words.hpp"

using namespace dstack;
using dstack::test::named;
using dstack::test::Sandbox;

namespace {

const char* const two_workflows = R"(workflows:
  - name: download
    help: "Downloads the data"
    provider: bash
    commands: ["mkdir data", "echo 1 > data/x", "echo got it"]
    artifacts: [data]
  - name: train
    help: "Trains a model"
    provider: bash
    depends-on: [download]
    commands: ["cat data/x", "mkdir model", "echo m > model/m"]
    artifacts: [model]
)";

std::string last_run(const Sandbox& box) {
  return box.json({"ps", "--json"})[0]["run"].get<std::string>();
}

}  // namespace

TEST_CASE("the version is one line") {
  const Sandbox box;
  CHECK(std::regex_match(box.ok({"--version"}), std::regex(R"(dstack \d+\.\d+\.\d+\n)")));
  CHECK(box.ok({"-V"}) == box.ok({"--version"}));
  CHECK(box.ok({"-q", "--version"}) == box.ok({"--version"}));
}

TEST_CASE("every command has a help with a usage line and an example") {
  const Sandbox box;
  const std::string overview = box.ok({"--help"});
  const std::size_t begin = overview.find("\nCommands:\n") + 11;
  const std::string list = overview.substr(begin, overview.find("\n\n", begin) - begin);
  for (const std::string_view line : split(list, '\n')) {
    const std::string name(line.substr(2, line.find("   ", 2) - 2));
    INFO(name);
    std::vector<std::string> command;
    for (const std::string_view word : split(name, ' '))
      command.emplace_back(word);
    command.emplace_back("--help");
    const std::string help = box.ok(command);
    CHECK(help.find("\nUsage: dstack " + name) != std::string::npos);
    CHECK(help.find("\n  -h, --help") != std::string::npos);
    CHECK(help.find("\nExamples:\n  dstack ") != std::string::npos);
  }
}

TEST_CASE("the help of a provider lists every option of its manifest with its help and default") {
  const Sandbox box;
  for (const Json& provider : box.json({"providers", "list", "--json"})) {
    const std::string name = provider["name"].get<std::string>();
    const std::string help = box.ok({"run", name, "--help"});
    const Json manifest = box.json({"providers", "show", name, "--json"});
    std::size_t options = 0;
    for (const std::string_view line : split(help, '\n'))
      for (const Json& property : manifest["properties"]) {
        if (property["option"].is_null() ||
            line.find(property["option"].get<std::string>() + " ") == std::string_view::npos ||
            line.find(property["help"].get<std::string>()) == std::string_view::npos)
          continue;
        ++options;
        CHECK((property["default"].is_null() || line.find("default: ") != std::string_view::npos));
      }
    INFO(help);
    std::size_t declared = 0;
    for (const Json& property : manifest["properties"])
      if (!property["option"].is_null())
        ++declared;
    CHECK(options == declared);
    CHECK(help.find("\nExamples:\n  dstack run " + name) != std::string::npos);
  }
}

TEST_CASE("a missing command is an error that lists the commands") {
  const Sandbox box;
  const auto output = box.run({});
  CHECK(Sandbox::code(output) == 2);
  CHECK(output.out.empty());
  CHECK(output.err.find("Commands:") != std::string::npos);
}

TEST_CASE("unknown commands and options get a suggestion and exit code 2") {
  const Sandbox box;
  const std::vector<std::pair<std::vector<std::string>, std::string>> mistakes = {
      {{"rnu"}, "error: 'dstack' has no command 'rnu'\nhint: did you mean 'run'"},
      {{"tags", "lst"}, "error: 'dstack tags' has no command 'lst'\nhint: did you mean 'list'?\n"},
      {{"ps", "--jsno"},
       "error: 'dstack ps' has no option '--jsno'\nhint: did you mean '--json'?\n"},
      {{"--qiet", "ps"}, "error: 'dstack' has no option '--qiet'\nhint: did you mean '--quiet'?\n"},
      {{"ps", "a", "b"}, "error: 'dstack ps' does not take the argument 'b'\n"},
      {{"run", "--tagg", "x", "w"},
       "error: 'dstack run' has no option '--tagg'\nhint: did you mean '--tag'?\n"}};
  for (const auto& [words, expected] : mistakes) {
    const auto output = box.run(words);
    CHECK(Sandbox::code(output) == 2);
    CHECK(output.out.empty());
    CHECK(output.err.substr(0, expected.size()) == expected);
  }
}

TEST_CASE("a project without runs says so, and is an empty array in JSON") {
  const Sandbox box;
  box.workflows(two_workflows);
  const auto output = box.run({"ps"});
  CHECK(Sandbox::code(output) == 0);
  CHECK(output.out.empty());
  CHECK(output.err == "no runs yet in this project; 'dstack run' starts one\n");
  CHECK(box.ok({"ps", "--json"}) == "[]\n");
  CHECK(box.refused({"logs"}, 2).find("no runs") != std::string::npos);
}

TEST_CASE("several jobs: prefixed output, plain statuses, a summary") {
  const Sandbox box;
  box.workflows(two_workflows);
  const auto output = box.run({"run", "train"});
  CHECK(Sandbox::code(output) == 0);
  CHECK(output.out == "download | got it\ntrain | 1\n");
  CHECK(output.err.find("download: done\n") != std::string::npos);
  CHECK(output.err.find("train: done\n") != std::string::npos);
  CHECK(named(output.err).find("RUN done in SPAN\n  artifacts  dstack artifacts list RUN\n") !=
        std::string::npos);
  CHECK(output.err.find('\033') == std::string::npos);
}

TEST_CASE("ps shows a row for each workflow, with cause and tag") {
  const Sandbox box;
  box.workflows(two_workflows);
  box.ok({"run", "-q", "train", "-t", "best"});
  CHECK(named(box.ok({"ps"})) ==
        "RUN  WORKFLOW  STATUS  SUBMITTED  DURATION  TAG\n"
        "RUN  download  done  TIME  SPAN  best\n"
        "RUN  train  done  TIME  SPAN  best\n");

  box.workflows("workflows:\n  - {name: bad, provider: bash, commands: [\"exit 3\"]}\n");
  CHECK(Sandbox::code(box.run({"run", "bad"})) == 3);
  CHECK(named(box.ok({"ps"})) ==
        "RUN  WORKFLOW  STATUS  SUBMITTED  DURATION  TAG\n"
        "RUN  bad  failed (exit 3)  TIME  SPAN  -\n");
  CHECK(box.json({"ps", "-a", "--json"}).size() == 3);
  CHECK(box.json({"runs", "-n", "1", "--json"}).size() == 1);
}

TEST_CASE("ps --json keeps its members") {
  const Sandbox box;
  box.workflows("workflows:\n  - {name: bad, provider: bash, commands: [\"exit 3\"]}\n");
  box.run({"run", "bad"});
  const Json entry = box.json({"ps", "--json"})[0];
  std::vector<std::string> members;
  for (const auto& [name, value] : entry.items())
    members.push_back(name);
  CHECK(members == std::vector<std::string>{"run",
                                            "workflow",
                                            "provider",
                                            "status",
                                            "reason",
                                            "cause",
                                            "exit_code",
                                            "signal",
                                            "submitted_at",
                                            "started_at",
                                            "finished_at",
                                            "duration_seconds",
                                            "tags",
                                            "apps",
                                            "jobs",
                                            "combinations",
                                            "project"});
  CHECK(entry["cause"] == "exit");
  CHECK(entry["exit_code"] == 3);
  CHECK(entry["signal"].is_null());
  CHECK(entry["jobs"] == 1);
  CHECK(entry["apps"].empty());
}

TEST_CASE("the summary of a failure names the job, the cause and the next step") {
  const Sandbox box;
  box.workflows(
      "workflows:\n"
      "  - {name: a, provider: bash, commands: [\"echo ohh; exit 3\"]}\n"
      "  - {name: b, provider: bash, depends-on: [a], commands: [\"true\"]}\n");
  const auto output = box.run({"run", "b"});
  CHECK(Sandbox::code(output) == 3);
  const std::string words = named(output.err);
  CHECK(words.find("RUN failed after SPAN\n  a failed (exit 3)") != std::string::npos);
  CHECK(words.find("skipped: 'b'\n") != std::string::npos);
  CHECK(words.find("dstack logs RUN a\n") != std::string::npos);
  // It was printed right above, so it is not repeated.
  CHECK(words.find("ohh") == std::string::npos);
}

TEST_CASE("runs of other projects are shown only when asked for") {
  const Sandbox box;
  box.workflows(two_workflows);
  box.ok({"run", "-q", "download"});
  const std::string other = (box.root() / "other").string();
  REQUIRE(make_folders(other));
  CHECK(box.json({"--project", other, "ps", "-a", "--json"}).empty());
  CHECK(box.json({"ps", "-a", "--json", "--project", other, "--all-projects"}).size() == 1);
}

TEST_CASE("logs print one job as it is and prefix several") {
  const Sandbox box;
  box.workflows(
      "workflows:\n"
      "  - {name: a, provider: bash, commands: [\"printf 'a1\\\\na2\\\\r\\\\xff'\"]}\n"
      "  - {name: b, provider: bash, depends-on: [a], commands: [\"printf "
      "'b1\\\\nb2\\\\nb3\\\\n'\"]}\n");
  box.ok({"run", "-q", "b"});
  CHECK(box.ok({"logs"}) == "a | a1\na | \xff\nb | b1\nb | b2\nb | b3\n");
  CHECK(box.ok({"logs", "--raw"}) == "a | a1\na | a2\r\xff\nb | b1\nb | b2\nb | b3\n");
  const std::string name = last_run(box);
  CHECK(box.ok({"logs", name, "a"}) == "a1\na2\r\xff");
  CHECK(box.ok({"logs", name, "b", "-n", "2"}) == "b2\nb3\n");
  CHECK(box.ok({"logs", "-n", "4"}) == "a | \xff\nb | b1\nb | b2\nb | b3\n");
  CHECK(box.ok({"logs", "-n", "0"}).empty());
  CHECK(named(box.ok({"logs", name, "b", "--timestamps"})) == "TIME b1\nTIME b2\nTIME b3\n");
  CHECK(box.ok({"logs", "-s", "1h"}) == box.ok({"logs"}));
  CHECK(box.ok({"logs", "--since", "2100-01-01"}).empty());
  CHECK(box.ok({"logs", "-f"}) == box.ok({"logs"}));
}

TEST_CASE("logs suggest a name where one is wrong") {
  const Sandbox box;
  box.workflows(two_workflows);
  box.ok({"run", "-q", "download"});
  const std::string name = last_run(box);
  const auto workflow = box.run({"logs", "download"});
  CHECK(Sandbox::code(workflow) == 2);
  CHECK(
      workflow.err ==
      "error: there is no run 'download'\nhint: 'download' is a workflow; the last run of it is '" +
          name + "'\n");
  CHECK(box.run({"logs", name, "downlod"}).err ==
        "error: run '" + name + "' has no workflow 'downlod'\nhint: did you mean 'download'?\n");
  CHECK(box.run({"logs", "-s", "yesterday"}).err.find("'--since' takes") != std::string::npos);
}

TEST_CASE("a closed pipe ends the program quietly") {
  const Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"seq 200000\"]}\n");
  box.ok({"run", "-q", "w"});
  process::Command command = box.command({});
  command.argv = {
      "/bin/bash", "-c", "\"$1\" logs | head -n 1; echo ${PIPESTATUS[0]}", "-", DSTACK_BINARY};
  const auto output = process::run(command, {}, std::chrono::seconds(60));
  REQUIRE(output);
  CHECK(output->out == "1\n141\n");
  CHECK(output->err.empty());
}

TEST_CASE("a full disk behind standard output is reported") {
  const Sandbox box;
  box.workflows(two_workflows);
  process::Command command = box.command({});
  command.argv = {"/bin/bash", "-c", "\"$1\" workflows > /dev/full", "-", DSTACK_BINARY};
  const auto output = process::run(command, {}, std::chrono::seconds(60));
  REQUIRE(output);
  CHECK(Sandbox::code(*output) == 1);
  CHECK(output->err.find("cannot write to standard output: No space left on device") !=
        std::string::npos);
}

namespace {

/// What a shell's commands print, with the program as $1.
process::Output in_shell(const Sandbox& box, const std::string& commands) {
  process::Command command = box.command({});
  command.argv = {"/bin/bash", "-c", commands, "-", DSTACK_BINARY};
  auto output = process::run(command, {}, std::chrono::seconds(60));
  REQUIRE(output);
  return *std::move(output);
}

}  // namespace

TEST_CASE("a run whose output cannot be written goes on, and the command says how to follow it") {
  const Sandbox box;
  // Ends when the command that follows it has ended.
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, commands: [\"seq 100000\", \"while ! [ -e "
      "$DSTACK_PROJECT/go ]; do sleep 0.1; done\"]}\n");

  struct Case {
    std::string command;
    std::string code;
    std::string reason;
  };

  const Case test =
      GENERATE(Case{"\"$1\" run w | head -n 1; echo ${PIPESTATUS[0]}",
                    "1\n141\n",
                    "warning: the reader of standard output closed it"},
               Case{"\"$1\" run w > /dev/full; echo $?",
                    "1\n",
                    "error: cannot write to standard output: No space left on device"},
               Case{"\"$1\" run w >&-; echo $?",
                    "1\n",
                    "error: cannot write to standard output: Bad file descriptor"},
               Case{"\"$1\" run w -d > /dev/full; echo $?",
                    "1\n",
                    "error: cannot write to standard output: No space left on device"},
               Case{"\"$1\" run w -d >/dev/null; \"$1\" logs -f | head -n 1; echo ${PIPESTATUS[0]}",
                    "1\n141\n",
                    "warning: the reader of standard output closed it"});
  const auto output = in_shell(box, test.command);
  const std::string run = last_run(box);
  CHECK(output.out == test.code);
  CHECK(output.err.find(test.reason + "\nhint: " + run + " goes on; 'dstack logs -f " + run +
                        "' follows it\n") != std::string::npos);
  CHECK(box.json({"show", run, "--json"})["finished_at"].is_null());
  box.file("go", "");
  CHECK(box.wait(run)["status"] == "done");
}

TEST_CASE("help and the version say so, too, when they cannot be written") {
  const Sandbox box;
  for (const char* option : {"--help", "--version", "-q --version", "completion bash"}) {
    const auto output = in_shell(box, fmt::format("\"$1\" {} > /dev/full; echo $?", option));
    INFO(option);
    CHECK(output.out == "1\n");
    CHECK(output.err == "error: cannot write to standard output: No space left on device\n");
  }
}

TEST_CASE("detached, only the run's name is printed") {
  const Sandbox box;
  box.workflows(two_workflows);
  const auto output = box.run({"run", "train", "-d"});
  CHECK(Sandbox::code(output) == 0);
  CHECK(named(output.out) == "RUN\n");
  box.wait(last_run(box));
}

TEST_CASE("a dry run prints the plan and leaves no trace") {
  const Sandbox box;
  box.workflows(two_workflows);
  CHECK(box.ok({"run", "train", "--dry-run"}).find("download") != std::string::npos);
  CHECK(box.json({"run", "train", "--dry-run", "--json"})["workflows"].size() == 2);
  CHECK(box.json({"ps", "-a", "--json"}).empty());
}

TEST_CASE("help after a workflow's name lists its variables and options") {
  const Sandbox box;
  box.workflows(two_workflows);
  box.file(".dstack/variables.yaml", "variables:\n  train:\n    epochs: 3\n");
  const std::string help = box.ok({"run", "train", "--help"});
  CHECK(help.find("Trains a model") != std::string::npos);
  CHECK(help.find("--epochs") != std::string::npos);
  CHECK(help.find("default: 3") != std::string::npos);
  CHECK(help.find("--gpu") != std::string::npos);
}

TEST_CASE("help offers a variable called like an option with its workflow, and its example works") {
  const Sandbox box;
  box.workflows("workflows: [{name: w, provider: bash, commands: ['echo $TAG $VERBOSE']}]\n");
  box.file(".dstack/variables.yaml", "variables: {w: {tag: v1, verbose: 0}}\n");
  const std::string help = box.ok({"run", "w", "--help"});
  CHECK(help.find("  --w.tag VALUE") != std::string::npos);
  CHECK(help.find("  --tag VALUE") == std::string::npos);
  CHECK(help.find("dstack run w --w.verbose 0") != std::string::npos);
  CHECK(box.ok({"run", "-q", "w", "--w.verbose", "2", "--w.tag=v3"}) == "v3 2\n");
}

TEST_CASE(
    "an option of run that is also a variable is refused after the workflow, and taken before") {
  const Sandbox box;
  box.workflows("workflows: [{name: w, provider: bash, commands: ['echo $TAG $PROJECT']}]\n");
  box.file(".dstack/variables.yaml",
           "variables: {w: {tag: v1, project: p, json: 0, quiet: 1, jobs: x}}\n");
  for (const std::vector<std::string>& words : {std::vector<std::string>{"--tag", "v2"},
                                                {"--tag=v2"},
                                                {"--project", "elsewhere"},
                                                {"--json"},
                                                {"--quiet"},
                                                {"--jobs", "many"}}) {
    std::vector<std::string> arguments = {"run", "w"};
    arguments.insert(arguments.end(), words.begin(), words.end());
    const auto output = box.run(arguments);
    CHECK(Sandbox::code(output) == 2);
    CHECK(output.err.find("' is ambiguous: an option of 'dstack run', and a variable of workflow "
                          "'w'") != std::string::npos);
  }
  CHECK(box.ok({"tags", "list", "--json"}) == "[]\n");
  CHECK(box.ok({"run", "--quiet", "--tag", "v2", "w"}) == "v1 p\n");
  CHECK(box.json({"tags", "list", "--json"})[0]["tag"] == "v2");
  CHECK(box.ok({"run", "--project", ".", "-q", "w", "-t", "v4"}) == "v1 p\n");
}

TEST_CASE("an option of the provider that is also a variable is taken before the name") {
  const Sandbox box;
  box.workflows("workflows: [{name: w, provider: bash, commands: ['echo $INPUT $(ls)']}]\n");
  box.file(".dstack/variables.yaml", "variables: {w: {input: v}}\n");
  box.file("a.txt", "a");
  CHECK(box.refused({"run", "w", "--input", "x"}, 2).find("'--input' is ambiguous") !=
        std::string::npos);
  CHECK(box.ok({"run", "-q", "w", "--w.input", "x"}) == "x a.txt\n");
  CHECK(box.ok({"run", "-q", "--input=a.txt", "w"}) == "v a.txt\n");
  CHECK(box.refused({"run", "--inptu=a.txt", "w"}, 2).find("'--inptu'") != std::string::npos);
}

TEST_CASE("an option with an empty text is refused: a variable of the shell was not set") {
  const Sandbox box;
  box.workflows("workflows: [{name: w, provider: bash, commands: ['true']}]\n");
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"-t", ""}, {"--tag="}, {"--project", ""}}) {
    std::vector<std::string> arguments = {"run", "w"};
    arguments.insert(arguments.end(), words.begin(), words.end());
    CHECK(box.refused(arguments, 2).find("needs a value, and was given an empty text") !=
          std::string::npos);
  }
}

TEST_CASE("a name that no workflow has is reported with what is wrong with the files") {
  const Sandbox box;
  box.workflows("workflows:\n  w: {provider: bash}\n");
  const std::string said = box.refused({"run", "w"}, 2);
  CHECK(said.find("must be a list") != std::string::npos);
  CHECK(said.find("no workflow or provider is called 'w'") != std::string::npos);
}

TEST_CASE("the code of a project may begin in a folder above it") {
  const Sandbox box;
  box.file("common/words.txt", "shared\n");
  box.file("services/a/.dstack/workflows.yaml",
           "root: ../..\n"
           "workflows:\n"
           "  - name: w\n"
           "    provider: bash\n"
           "    commands: [cat ../../common/words.txt own.txt, cp own.txt made.txt]\n"
           "    artifacts: [made.txt]\n");
  box.file("services/a/own.txt", "own\n");
  CHECK(box.ok({"--project", "services/a", "run", "-q", "w"}) == "shared\nown\n");
  const Json files = box.json({"--project", "services/a", "artifacts", "list", "--json"});
  REQUIRE(files.size() == 1);
  CHECK(files[0]["path"] == "services/a/made.txt");
  CHECK(box.json({"--project", "services/a", "ps", "--json"})[0]["project"] ==
        (box.project() / "services/a").string());
}

TEST_CASE("a job that lacks a file beside the project says how to add it") {
  const Sandbox box;
  box.file("common/words.txt", "shared\n");
  box.file("a/.dstack/workflows.yaml",
           "workflows: [{name: w, provider: bash, commands: [cat ../common/words.txt]}]\n");
  const auto output = box.run({"--project", "a", "run", "w"});
  CHECK(Sandbox::code(output) == 1);
  CHECK(output.err.find("'../common/words.txt' is beside the project") != std::string::npos);
  CHECK(output.err.find("'root: ..'") != std::string::npos);
}

TEST_CASE("workflows and graph show the project") {
  const Sandbox box;
  box.workflows(std::string(two_workflows) +
                "  - {name: eval, provider: bash, depends-on: [train, \"download:v1\", download], "
                "commands: [\"true\"]}\n");
  CHECK(box.ok({"workflows"}) ==
        "WORKFLOW  PROVIDER  DEPENDS ON                    HELP\n"
        "download  bash      -                             Downloads the data\n"
        "train     bash      download                      Trains a model\n"
        "eval      bash      train, download:v1, download\n");
  CHECK(box.ok({"graph"}) ==
        "eval (bash)\n"
        "|-- train (bash)\n"
        "|   `-- download (bash)\n"
        "|-- download:v1 (tag)\n"
        "`-- download (bash)\n");
  CHECK(box.ok({"graph", "train"}) == "train (bash)\n`-- download (bash)\n");
  CHECK(box.json({"graph", "--json"})[2]["depends_on"][1] ==
        Json{{"workflow", "download"}, {"tag", "v1"}});
  CHECK(box.json({"workflows", "--json"})[1]["depends_on"] == Json::array({"download"}));
  CHECK(box.run({"graph", "trian"}).err.find("did you mean 'train'?") != std::string::npos);
  CHECK(box.ok({"validate"}) == "no errors in 3 workflows\n");
}

TEST_CASE("without a project the commands about its files say what to do") {
  const Sandbox box;
  for (const char* command : {"workflows", "validate", "graph"}) {
    const auto output = box.run({command});
    CHECK(Sandbox::code(output) == 2);
    CHECK(output.err.find("there is no project here") != std::string::npos);
  }
}

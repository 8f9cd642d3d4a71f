// What the shells offer. Each of bash, zsh and fish is the real one, with the script that the
// program prints.
#include "shells.hpp"

#include <algorithm>

using namespace dstack;
using namespace dstack::test;

namespace {

using Words = std::vector<std::string>;

std::string with_program(const Sandbox& box) {
  const std::string path = "PATH=" + Path(DSTACK_BINARY).parent_path().string() + ":/usr/bin:/bin";
  box.file("other project/.dstack/workflows.yaml",
           "workflows: [{name: elsewhere, provider: bash, commands: ls}]\n");
  return path;
}

/// A project with names as odd as they may be, and a tagged run. The name of that run.
std::string fill(Sandbox& box) {
  box.set(with_program(box));
  box.workflows(R"(workflows:
  - {name: train, help: "Trains: a 'model' with $HOME", provider: bash, commands: ["mkdir model; echo 1 > model/weights"], artifacts: [model]}
  - {name: tra.in-2_x, provider: python, file: other.py}
  - {name: prepare, provider: bash, commands: ["true"]}
)");
  box.file(".dstack/variables.yaml",
           "variables: {train: {epochs: 3, batch.size-1: 4}, prepare: {tag: 1}}\n");
  box.file("my requirements.txt", "");
  box.file("script.py", "");
  box.file("sub folder/file", "");
  box.ok({"run", "train", "-t", "v1.0-rc_2"});
  return box.json({"ps", "--json"})[0]["run"].get<std::string>();
}

Words sorted(Words words) {
  std::sort(words.begin(), words.end());
  return words;
}

bool holds(const Words& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string find(const std::string& shell) {
  return process::find_program(shell, "/usr/local/bin:/usr/bin:/bin").value_or("");
}

void check_shell(Shell& shell, const std::string& run) {
  CHECK(shell.complete("dstack val") == "dstack validate ");
  CHECK(sorted(shell.offered("dstack artifacts ")) == Words{"cat", "download", "list", "rescue"});
  CHECK(holds(shell.offered("dstack ps --"), "--all-projects"));
  CHECK(shell.complete("dstack artifacts list --js") == "dstack artifacts list --json ");
  CHECK(shell.complete("dstack -q ps -a --wa") == "dstack -q ps -a --watch ");

  CHECK(sorted(shell.offered("dstack run tr")) == Words{"tra.in-2_x", "train"});
  CHECK(shell.complete("dstack run train --ep") == "dstack run train --epochs ");
  CHECK(shell.complete("dstack run train --batch.") == "dstack run train --batch.size-1 ");
  CHECK(shell.complete("dstack run train --epochs 3 --gpu-n") ==
        "dstack run train --epochs 3 --gpu-name ");
  CHECK(shell.complete("dstack run -d bas") == "dstack run -d bash ");
  CHECK(shell.complete("dstack providers show pyt") == "dstack providers show python ");

  CHECK(shell.complete("dstack logs ") == "dstack logs " + run + " ");
  CHECK(shell.complete("dstack logs " + run + " ") == "dstack logs " + run + " train ");
  CHECK(shell.complete("dstack run prepare --prep") == "dstack run prepare --prepare.tag ");
  CHECK(shell.complete("dstack run prepare --ta") == "dstack run prepare --ta");
  CHECK(shell.complete("dstack run --ta") == "dstack run --tag ");
  CHECK(shell.complete("dstack run prepare -t v") == "dstack run prepare -t v1.0-rc_2 ");
  CHECK(shell.complete("dstack untag tra") == "dstack untag train:v1.0-rc_2 ");
  CHECK(shell.complete("dstack artifacts list train:") == "dstack artifacts list train:v1.0-rc_2 ");
  CHECK(shell.complete("dstack artifacts list train:v1") ==
        "dstack artifacts list train:v1.0-rc_2 ");

  CHECK(shell.complete("dstack artifacts cat " + run + " ") ==
        "dstack artifacts cat " + run + " model/weights ");
  CHECK(shell.complete("dstack artifacts download train:v1.0-rc_2 mod") ==
        "dstack artifacts download train:v1.0-rc_2 model/weights ");
  CHECK(shell.complete("dstack artifacts cat " + run + " -w ") ==
        "dstack artifacts cat " + run + " -w train ");
  CHECK(shell.complete("dstack ps prep") == "dstack ps prepare ");
  CHECK(shell.complete("dstack rm --fai") == "dstack rm --failed ");
  CHECK(shell.complete("dstack run scri") == "dstack run script.py ");
  CHECK(shell.complete("dstack run script.py --req") == "dstack run script.py --requirements ");

  CHECK(sorted(shell.offered("dstack run train --workspace ")) ==
        Words{"copy", "private", "project"});
  CHECK(shell.complete("dstack --color al") == "dstack --color always ");
  CHECK(shell.complete("dstack ps --color=n") == "dstack ps --color=never ");
  CHECK(shell.complete("dstack run train -r my") == "dstack run train -r my\\ requirements.txt ");
  CHECK(shell.complete("dstack run train --requirements=my") ==
        "dstack run train --requirements=my\\ requirements.txt ");
  CHECK(shell.complete("dstack run train -a su") == "dstack run train -a sub\\ folder/");
  CHECK(shell.complete("dstack run python my") == "dstack run python my\\ requirements.txt ");
  CHECK(shell.complete("dstack run train -- my") == "dstack run train -- my\\ requirements.txt ");
  CHECK(shell.complete("dstack --project 'other project' run els") ==
        "dstack --project 'other project' run elsewhere ");
  // What does not exist is left as it is, and so is a command that must not be run by a TAB.
  CHECK(shell.complete("dstack logs no-such-run") == "dstack logs no-such-run");
  CHECK(shell.complete("dstack nonsense ") == "dstack nonsense ");
  CHECK(shell.complete("dstack run '$(touch touched)' --") == "dstack run '$(touch touched)' --");
}

}  // namespace

TEST_CASE("bash completes commands, options, names and files") {
  const std::string program = find("bash");
  if (program.empty())
    SKIP("bash is not installed");
  Sandbox box;
  const std::string run = fill(box);
  Shell shell = bash(box, program);
  check_shell(shell, run);
  CHECK_FALSE(fs::exists(box.project() / "touched"));
}

TEST_CASE("zsh completes commands, options, names and files") {
  const std::string program = find("zsh");
  if (program.empty())
    SKIP("zsh is not installed");
  Sandbox box;
  const std::string run = fill(box);
  Shell shell = zsh(box, program);
  check_shell(shell, run);
  CHECK_FALSE(fs::exists(box.project() / "touched"));
}

TEST_CASE("fish completes commands, options, names and files") {
  const std::string program = find("fish");
  if (program.empty())
    SKIP("fish is not installed");
  Sandbox box;
  const std::string run = fill(box);
  box.set("HOME=" + (box.root() / "shell").string());
  box.file("../shell/dstack.fish", box.ok({"completion", "fish"}));
  // Fish answers itself what it would offer: a line `WORD<TAB>HELP` for each.
  const auto offered = [&](const std::string& line, bool with_help = false) {
    process::Command command = box.command({});
    command.argv = {program,
                    "--no-config",
                    "-c",
                    "source $argv[1]; complete -C $argv[2]",
                    (box.root() / "shell/dstack.fish").string(),
                    line};
    const auto output = process::run(command, {}, std::chrono::seconds(60));
    REQUIRE(output);
    CHECK(output->err == "");
    Words words;
    for (const std::string_view entry : split(output->out, '\n'))
      if (!entry.empty())
        words.emplace_back(with_help ? entry : entry.substr(0, entry.find('\t')));
    return words;
  };
  CHECK(offered("dstack val", true) == Words{"validate\tCheck the files of the project"});
  CHECK(sorted(offered("dstack artifacts ")) == Words{"cat", "download", "list", "rescue"});
  CHECK(holds(offered("dstack ps --"), "--all-projects"));
  CHECK(offered("dstack -q ps -a --wa") == Words{"--watch"});
  CHECK(holds(offered("dstack run tr", true), "train\tTrains: a 'model' with $HOME"));
  CHECK(offered("dstack run train --ep", true) ==
        Words{"--epochs\tenvironment variable EPOCHS; default: 3"});
  CHECK(offered("dstack logs ", true) == Words{run + "\ttrain, done"});
  CHECK(offered("dstack logs " + run + " ") == Words{"train"});
  CHECK(offered("dstack artifacts list train:v1") == Words{"train:v1.0-rc_2"});
  CHECK(offered("dstack artifacts cat train:v1.0-rc_2 mod", true) ==
        Words{"model/weights\tof train"});
  CHECK(offered("dstack ps prep") == Words{"prepare"});
  CHECK(holds(offered("dstack run scri"), "script.py"));
  CHECK(offered("dstack ps --color=n") == Words{"--color=never"});
  CHECK(offered("dstack run train -r my") == Words{"my requirements.txt"});
  CHECK(offered("dstack run train --requirements=my") ==
        Words{"--requirements=my requirements.txt"});
  CHECK(offered("dstack run train -a su") == Words{"sub folder/"});
  CHECK(offered("dstack --project 'other project' run els") == Words{"elsewhere"});
  CHECK(offered("dstack logs no-such-run").empty());
}

TEST_CASE("what is put in is one word, and nothing of it is executed") {
  const std::string name = GENERATE("bash", "zsh");
  const std::string program = find(name);
  if (program.empty())
    SKIP(name + " is not installed");
  Sandbox box;
  box.set(with_program(box));
  box.workflows(R"(workflows:
  - name: w
    provider: bash
    artifacts: [out]
    commands: ["mkdir out; echo x > 'out/odd $(touch touched) ; \"name'"]
)");
  box.ok({"run", "w"});
  const std::string cat = "dstack artifacts cat " + box.last_run() + " ";
  box.file(".dstack/variables.yaml", "variables:\n  global: {'epochs$(touch${IFS}touched)': 1}\n");
  Shell shell = name == "bash" ? bash(box, program) : zsh(box, program);
  CHECK(shell.complete("dstack run w --ep") == "dstack run w --ep");
  const auto words = shell_split(shell.complete(cat + "out/od"));
  REQUIRE(words);
  CHECK(words->back() == "out/odd $(touch touched) ; \"name");
  if (name == "bash")
    CHECK(shell.complete(cat + "\"out/od") == cat + "\"out/od");
  CHECK_FALSE(fs::exists(box.project() / "touched"));
}

TEST_CASE("completion writes nothing and says nothing about what is wrong") {
  Sandbox box;
  box.workflows("workflows: [{name: 'unclosed\n");
  for (const Words& words : std::vector<Words>{{"run", ""},
                                               {"run", "train", "--"},
                                               {"logs", ""},
                                               {"tags", "delete", ""},
                                               {"--project", "/no/such/folder", "run", ""},
                                               {"no-such-command", ""}}) {
    Words arguments = {"__complete", "--"};
    arguments.insert(arguments.end(), words.begin(), words.end());
    const auto output = box.run(arguments);
    CHECK(Sandbox::code(output) == 0);
    CHECK(output.err.empty());
  }
  CHECK_FALSE(fs::exists(box.home()));
}

TEST_CASE("a shell without completion is refused by name") {
  const Sandbox box;
  const auto output = box.run({"completion", "tcsh"});
  CHECK(Sandbox::code(output) == 2);
  CHECK(output.err.find("no completion for 'tcsh'") != std::string::npos);
}

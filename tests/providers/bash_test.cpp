#include "support/documentation.hpp"

using namespace dstack;
using namespace dstack::test;

TEST_CASE("bash: the example of its page runs as it is written") {
  const Sandbox box;
  write_files_of("docs/providers/bash.md", box);
  CHECK(box.ok({"run", "count"}) == "count |       2 two\n");
  CHECK(box.ok({"run", "count", "--most", "3"}).ends_with("      1 one\n"));
}

TEST_CASE("bash: the first command that fails ends the job") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, commands: [\"echo 1\", \"false\", \"echo 2\"]}\n");
  const auto output = box.run({"run", "w"});
  CHECK(Sandbox::code(output) == 1);
  CHECK(output.out == "1\n");
}

TEST_CASE("bash: commands share one shell") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, commands: [\"X=5\", \"cd /\", \"echo $X "
      "$PWD\"]}\n");
  CHECK(box.ok({"run", "w"}) == "5 /\n");
}

TEST_CASE("bash: a script longer than one argument may be still runs") {
  const Sandbox box;
  std::string text = "workflows:\n  - name: w\n    provider: bash\n    commands:\n";
  for (int i = 0; i < 4000; ++i)
    text += "      - 'true " + std::string(40, 'x') + "'\n";
  box.workflows(text + "      - echo end\n");
  CHECK(box.ok({"run", "w"}) == "end\n");
}

TEST_CASE("bash: runs without a workflow, in a folder without .dstack, by options alone") {
  const Sandbox box;
  box.file("x.txt", "here\n");
  const std::string out =
      box.ok({"run", "bash", "-c", "cat x.txt", "-c", "echo $A > r", "-a", "r", "-e", "A=1"});
  CHECK(out == "here\n");
  const Json artifacts = box.json({"artifacts", "list", box.last_run(), "--json"});
  REQUIRE(artifacts.size() == 1);
  CHECK(artifacts[0]["path"] == "r");
}

TEST_CASE("bash: working_dir is where the commands run, and artifacts are relative to it") {
  const Sandbox box;
  box.file("sub/a.txt", "a\n");
  box.workflows(R"(workflows:
  - {name: w, provider: bash, working-dir: sub, commands: ["cat a.txt", "mkdir out", "cp a.txt out"], artifacts: [out]}
  - {name: next, provider: bash, depends-on: [w], commands: ["cat sub/out/a.txt"]}
)");
  const auto output = box.run({"run", "next"});
  INFO(output.err);
  CHECK(Sandbox::code(output) == 0);
}

TEST_CASE("bash: a variable is set for one run by an option") {
  const Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"echo $LR ${{ lr }}\"]}\n");
  box.file(".dstack/variables.yaml", "variables:\n  w: {lr: 1.0}\n");
  CHECK(box.ok({"run", "w"}) == "1.0 1.0\n");
  CHECK(box.ok({"run", "w", "--lr=-0.50"}) == "-0.50 -0.50\n");
}

TEST_CASE("bash: more GPUs than available are refused with the number and the option") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, commands: [\"true\"], resources: {gpu: 3}}\n");
  const auto output = box.run({"run", "w"});
  CHECK(Sandbox::code(output) != 0);
  CHECK(output.err.find("--gpu 0") != std::string::npos);
  CHECK(Sandbox::code(box.run({"run", "w", "--gpu", "0"})) == 0);
}

TEST_CASE("bash: a job gets the first GPUs of the inventory") {
  const Sandbox box;
  REQUIRE(make_folders(box.home()));
  REQUIRE(write_file_atomically(
      box.home() / "config.yaml",
      "resources: {gpus: [{name: V100, memory: 16GB}, {name: V100, memory: 16GB}]}\n",
      Durable::no));
  CHECK(box.ok({"run", "bash", "-c", "echo [$CUDA_VISIBLE_DEVICES]", "--gpu", "2"}) == "[0,1]\n");
  CHECK(box.ok({"run", "bash", "-c", "echo [$CUDA_VISIBLE_DEVICES]"}) == "[]\n");
}

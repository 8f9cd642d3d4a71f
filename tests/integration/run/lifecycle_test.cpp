#include "support/sandbox.hpp"

#include <algorithm>

#include <fcntl.h>

using namespace dstack;
using dstack::test::Sandbox;

namespace {

constexpr const char* chain = R"(workflows:
  - name: download
    provider: bash
    commands: ["mkdir data", "echo 1 > data/x", "echo downloaded"]
    artifacts: [data]
  - name: train
    provider: bash
    depends-on: [download]
    commands: ["cat data/x", "mkdir model", "cp data/x model/y"]
    artifacts: [model]
)";

}  // namespace

TEST_CASE("what the caller has open is not for the run: neither a lock nor a pipe") {
  const Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"tail -f /dev/null\"]}\n");
  Fd lock = *open_file((box.root() / "lock").string(), O_RDWR | O_CREAT);
  REQUIRE(*lock_exclusive(lock.get(), Wait::no));
  Pipe pipe = *make_pipe();
  auto command = box.command({"run", "-d", "-q", "w"});
  command.descriptors = {{57, lock.get()}, {58, pipe.write_end.get()}};
  const auto started = process::run(command, {}, std::chrono::seconds(60));
  REQUIRE(started);
  REQUIRE(Sandbox::code(*started) == 0);
  pipe.write_end.reset();
  CHECK(read_all(pipe.read_end.get())->empty());  // would wait for the end of the run
  lock.reset();
  const Fd again = *open_file((box.root() / "lock").string(), O_RDWR);
  CHECK(*lock_exclusive(again.get(), Wait::no));
  box.ok({"stop", "-x", box.last_run()});
}

TEST_CASE("a workflow runs after what it depends on, with its artifacts at the same path") {
  const Sandbox box;
  box.workflows(chain);

  const auto output = box.run({"run", "train"});

  INFO(output.err);
  CHECK(Sandbox::code(output) == 0);
  CHECK(output.out.find("downloaded") != std::string::npos);
  CHECK(output.out.find("1\n") != std::string::npos);
  const Json run = box.json({"ps", "-a", "--json"});
  REQUIRE(run.size() == 2);
  for (const Json& workflow : run)
    CHECK(workflow["status"] == "done");
}

TEST_CASE("every state of a job is on record, in order, with its time") {
  const Sandbox box;
  box.workflows(chain);
  const Json run = box.wait(box.start({"train"}));

  REQUIRE(run["jobs"].size() == 2);
  CHECK(Sandbox::statuses(run["jobs"][0]) ==
        std::vector<std::string>{"submitted", "running", "uploading", "done"});
  CHECK(Sandbox::statuses(run["jobs"][1]) ==
        std::vector<std::string>{
            "submitted", "queued", "downloading", "running", "uploading", "done"});
  for (const Json& job : run["jobs"]) {
    std::string last;
    for (const Json& entry : job["history"]) {
      CHECK(last <= entry["at"].get<std::string>());
      last = entry["at"].get<std::string>();
    }
  }
}

TEST_CASE("a failed dependency skips its dependents, fails the run and lets the rest go on") {
  const Sandbox box;
  box.workflows(R"(workflows:
  - {name: bad, provider: bash, commands: ["exit 7"]}
  - {name: good, provider: bash, commands: ["echo good"]}
  - {name: all, provider: bash, depends-on: [bad, good], commands: ["echo never"]}
)");

  const auto output = box.run({"run", "all"});

  CHECK(Sandbox::code(output) == 7);
  CHECK(output.out.find("good") != std::string::npos);
  CHECK(output.out.find("never") == std::string::npos);
  for (const Json& workflow : box.json({"ps", "-a", "--json"})) {
    const std::string name = workflow["workflow"].get<std::string>();
    CHECK(workflow["status"] == (name == "bad" ? "failed" : name == "good" ? "done" : "skipped"));
  }
}

TEST_CASE("a job killed by a signal ends the command with 128 and its number, and says so") {
  const Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"kill -SEGV $$\"]}\n");
  CHECK(Sandbox::code(box.run({"run", "w"})) == 128 + 11);
  const Json run = box.json({"ps", "-a", "--json"});
  CHECK(run[0]["cause"] == "signal");
  CHECK(run[0]["signal"] == 11);
}

TEST_CASE("a job has the environment of the contract and nothing else of the caller") {
  Sandbox box;
  box.set("SECRET_OF_CALLER=1");
  box.workflows(R"(workflows:
  - name: w
    provider: bash
    environment: {MINE: "yes"}
    commands: [env]
)");
  box.file(".dstack/variables.yaml", "variables:\n  w:\n    batch-size: 64\n");

  const std::string out = box.ok({"run", "w", "-e", "FROM_LINE=here"});

  for (const char* line : {"MINE=yes\n",
                           "BATCH_SIZE=64\n",
                           "FROM_LINE=here\n",
                           "PYTHONUNBUFFERED=1\n",
                           "RUN_NAME=",
                           "JOB_ID=",
                           "JOB_HOSTNAME=",
                           "CUDA_VISIBLE_DEVICES=\n",
                           "DSTACK_PROJECT="})
    CHECK(out.find(line) != std::string::npos);
  CHECK(out.find("SECRET_OF_CALLER") == std::string::npos);
}

TEST_CASE("standard input is empty and there is no terminal") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, commands: [\"cat\", \"test -t 0 || echo "
      "none\"]}\n");
  CHECK(box.ok({"run", "w"}) == "none\n");
}

TEST_CASE("independent jobs run at the same time, as many as -j says") {
  const Sandbox box;
  // Each waits for the other's file in a folder that both can see: together they end, one after the
  // other they cannot.
  const std::string shared = (box.root() / "meet").string();
  REQUIRE(make_folders(shared));
  box.workflows(
      "workflows:\n"
      "  - {name: a, provider: bash, commands: [\"touch " +
      shared + "/a; until test -e " + shared +
      "/b; do sleep 0.01; done\"]}\n"
      "  - {name: b, provider: bash, commands: [\"touch " +
      shared + "/b; until test -e " + shared +
      "/a; do sleep 0.01; done\"]}\n"
      "  - {name: both, provider: bash, depends-on: [a, b], commands: [\"echo met\"]}\n");
  const auto output = box.run({"run", "-j", "2", "both"});
  INFO(output.err);
  CHECK(Sandbox::code(output) == 0);
  CHECK(output.out.find("met") != std::string::npos);
}

TEST_CASE("a command that bash does not find fails the job with bash's exit code and message") {
  const Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"no-such-program\"]}\n");
  const auto output = box.run({"run", "w"});
  CHECK(Sandbox::code(output) == 127);
  CHECK(output.out.find("no-such-program: command not found") != std::string::npos);
  CHECK(box.json({"show", box.last_run(), "--json"})["jobs"][0]["cause"] == "exit");
}

TEST_CASE("editing the project while a job runs changes nothing for the job") {
  const Sandbox box;
  const std::string go = (box.root() / "go").string();
  box.file("input.txt", "before\n");
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"until test -e " + go +
                "; do sleep 0.01; done\", \"cat input.txt\", \"echo job > input.txt\"]}\n");
  const std::string name = box.start({"w"});
  box.file("input.txt", "after\n");
  REQUIRE(write_file_atomically(go, "", Durable::no));
  box.wait(name);
  CHECK(box.ok({"logs", name}) == "before\n");
  CHECK(*read_file(box.project() / "input.txt") == "after\n");
}

TEST_CASE("a job that lacks a file which the user's folder has fails with the reason") {
  const Sandbox box;
  box.file("data/big.csv", "1\n");
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, commands: [\"cat data/big.csv\"], artifacts: "
      "[data]}\n");
  const auto output = box.run({"run", "w"});
  CHECK(Sandbox::code(output) == 1);
  CHECK(output.err.find("'data/big.csv' is in your folder but not among the code of this run") !=
        std::string::npos);
}

TEST_CASE("a file that a job lacks is found in what many programs say") {
  const Sandbox box;
  box.file(".dstackignore", "secret/\ngenerated.py\nconfig.json\n");
  box.file("secret/keys.toml", "");
  box.file("generated.py", "");
  box.file("config.json", "");
  const auto says = [&](const std::string& line, const std::string& path) {
    const auto output = box.run({"run", "bash", "-c", "echo " + line + "; exit 1"});
    INFO(line << "\n" << output.err);
    return output.err.find("'" + path + "' is in your folder but not among the code") !=
           std::string::npos;
  };
  CHECK(says("open secret/keys.toml: no such file or directory", "secret/keys.toml"));
  CHECK(
      says("\"FileNotFoundError: No secrets found. Valid paths are: /x/keys.toml, "
           "$PWD/secret/keys.toml\"",
           "secret/keys.toml"));
  CHECK(says("could not find configuration file secret/keys.toml.", "secret/keys.toml"));
  CHECK(says("\"Error: Cannot find module './config'\"", "config.json"));
  CHECK(says("\"ModuleNotFoundError: No module named 'generated'\"", "generated.py"));
  box.file("src/parts/__init__.py", "");
  box.file("src/single.py", "");
  for (const std::string module : {"parts", "single"}) {
    const auto output =
        box.run({"run", "bash", "-c", "echo \"No module named '" + module + "'\"; exit 1"});
    CHECK(output.err.find("'" + module + "' is in 'src', where Python looks only if") !=
          std::string::npos);
  }
  CHECK_FALSE(says("secret: command not found", "secret"));
  CHECK_FALSE(says("sh: 1: secret: not found", "secret"));
  CHECK_FALSE(says("read secret/keys.toml", "secret/keys.toml"));
}

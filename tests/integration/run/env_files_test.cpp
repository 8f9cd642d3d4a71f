// `env_file`: variables from a file that Git ignores, in whole runs.
#include "dstack/base/sha256.hpp"
#include "support/kill.hpp"
#include "support/sandbox.hpp"
#include "support/secrets.hpp"
#include "support/wait.hpp"

#include <unistd.h>

using namespace dstack;
using dstack::test::Sandbox;

namespace {

constexpr const char* hush = "hush-hush-12345";

bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

void make_ignoring_project(const Sandbox& box) {
  process::Command git = box.command({});
  git.argv = {"git", "init", "-q", "."};
  REQUIRE(process::run(git, {}, std::chrono::seconds(100)));
  box.file(".gitignore", ".env*\n");
}

/// Whether any file of the home has a text.
bool in_home(const Sandbox& box, std::string_view text) {
  for (const auto& entry : fs::recursive_directory_iterator(box.home())) {
    boost::system::error_code error;
    if (!fs::is_regular_file(entry.symlink_status(error)))
      continue;
    const auto bytes = read_file(entry.path());
    if (bytes && holds(*bytes, text))
      return true;
  }
  return false;
}

}  // namespace

TEST_CASE(
    "a file of variables that Git ignores gives them to jobs, masked, and no record has values") {
  const Sandbox box;
  make_ignoring_project(box);
  const std::string text = std::string("# keys\nexport API_KEY=\"") + hush + "\"\nSHORT=1\n";
  box.file(".env", text);
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, env_file: .env, commands: ['echo "
      "$API_KEY $SHORT ${#API_KEY}']}\n");

  const auto output = box.run({"run", "w"});
  INFO(output.err);
  CHECK(output.out == "*** 1 15\n");

  const Json shown = box.json({"show", box.last_run(), "--json"});
  const Json& workflow = shown["workflows"][0];
  CHECK(workflow["env_files"] == Json::parse("[{\"path\": \".env\", \"sha256\": \"" +
                                             sha256(text).render() + "\", \"mask\": true}]"));
  CHECK(workflow["environment"]["API_KEY"].is_null());
  CHECK(holds(box.ok({"show", box.last_run()}), "API_KEY=***"));
  CHECK(holds(box.ok({"show", box.last_run()}),
              ".env, SHA-256 " + sha256(text).render().substr(0, 12)));
  const std::string dry = box.ok({"run", "w", "--dry-run"});
  CHECK(holds(dry, "API_KEY=***"));
  CHECK(holds(dry, "env_file .env:2"));
  CHECK_FALSE(holds(dry + box.ok({"run", "w", "--dry-run", "--json"}), hush));
  CHECK_FALSE(in_home(box, hush));
}

TEST_CASE("fields of JSON in a file of variables are masked, and values without their blanks") {
  const Sandbox box;
  make_ignoring_project(box);
  box.file(
      ".env",
      "ACCOUNT='{\"user\": \"ada\", \"keys\": [\"hush-hush-1\"]}'\nPADDED=\"hush-hush-2  \"\n");
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, env_file: .env, commands: ['echo hush-hush-1 "
      "$PADDED ada']}\n");
  CHECK(box.ok({"run", "w"}) == "*** *** ada\n");
}

TEST_CASE("values of a file that is not masked are in the log") {
  const Sandbox box;
  make_ignoring_project(box);
  box.file(".env", std::string("PLACE=") + hush + "\n");
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, env_file: {path: .env, mask: false}, commands: "
      "[echo $PLACE]}\n");
  CHECK(box.ok({"run", "w"}) == std::string(hush) + "\n");
}

TEST_CASE("a file of variables is over the provider, and under everything else") {
  const Sandbox box;
  make_ignoring_project(box);
  box.file(".env", "A=file\nB=file\nC=file\nD=file\nPYTHONUNBUFFERED=file\nE=file\n");
  box.file(".env.more", "E=more\n");
  box.file(".dstack/variables.yaml", "variables: {w: {c: variable}}\n");
  box.workflows(
      "workflows:\n  - name: w\n    provider: bash\n    env_file: [.env, {path: .env.more}]\n"
      "    environment: {B: environment}\n"
      "    commands: ['echo $A $B $C ${#D} $PYTHONUNBUFFERED $E']\n");
  test::add_secret(box, {"D"}, "the secret value");
  CHECK(box.ok({"run", "w"}) == "file environment variable 16 file more\n");
  CHECK(box.ok({"run", "w", "-e", "A=line"}) == "line environment variable 16 file more\n");
}

TEST_CASE("an option names a file of variables, for a run of a provider too") {
  const Sandbox box;
  make_ignoring_project(box);
  box.file(".env", "A=a file\n");
  CHECK(box.ok({"run", "bash", "--env-file", ".env", "-c", "echo $A"}) == "a file\n");
}

TEST_CASE("every attempt and every job has the values of the submission") {
  const Sandbox box;
  make_ignoring_project(box);
  box.file(".env", "A=before-all\n");
  const std::string env = (box.project() / ".env").string();
  box.workflows(
      "workflows:\n"
      "  - {name: a, provider: bash, retry: 1, env_file: {path: .env, mask: false}, commands: "
      "[echo "
      "$A, \"echo A=after > " +
      env +
      "\", exit 3]}\n"
      "  - {name: b, provider: bash, env_file: {path: .env, mask: false}, commands: [echo $A]}\n");
  CHECK(holds(box.run({"run", "a"}).out, "before-all"));
  const std::string log = box.ok({"logs", box.last_run()});
  CHECK(log.find("before-all") != log.rfind("before-all"));
  CHECK_FALSE(holds(log, "after\n"));
  CHECK(box.ok({"run", "b"}) == "after\n");
}

TEST_CASE("a run whose supervisor was killed goes on with the same values") {
  const Sandbox box;
  make_ignoring_project(box);
  box.file(".env", "A=before-all\n");
  const std::string go = (box.root() / "go").string();
  box.workflows(
      "workflows:\n"
      "  - {name: a, provider: bash, commands: [\"until test -e " +
      go +
      "; do sleep 0.01; done\"]}\n"
      "  - {name: b, provider: bash, depends-on: [a], env_file: {path: .env, mask: false}, "
      "commands: [echo $A]}\n");
  const std::string name = box.start({"b"});
  test::wait_until([&] { return test::kill_process_of(box.home() / "runs" / name / "run.lock"); });
  box.file(".env", "A=after\n");
  REQUIRE(write_file_atomically(go, "", Durable::no));
  box.wait(name);
  CHECK(holds(box.ok({"logs", name}), "before-all\n"));
}

TEST_CASE("mistakes in a file of variables keep a run from starting, with file and line") {
  const Sandbox box;
  make_ignoring_project(box);
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, env_file: .env, commands: [\"true\"]}\n");
  std::string why = box.refused({"run", "w"}, 2);
  CHECK(holds(why, "there is no file '.env'"));
  CHECK(holds(why, ".dstack/workflows.yaml:2:"));
  box.file(".env.example", "A=\n");
  CHECK(holds(box.refused({"run", "w"}, 2), "copy '.env.example' and fill it in"));
  box.file("src/.env", "A=1\n");
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, env_file: .env, working_dir: src, commands: "
      "[\"true\"]}\n");
  CHECK(holds(box.refused({"run", "w"}, 2), "write 'src/.env'"));
  box.file(".env", std::string("A=1\n") + hush + "\nB='" + hush + "\n");
  why = box.refused({"run", "w"}, 2);
  CHECK(holds(why, ".env:2:"));
  CHECK(holds(why, ".env:3:"));
  CHECK_FALSE(holds(why, hush));
  box.file(".env", "RUN_NAME=x\n");
  CHECK(holds(box.refused({"run", "w"}, 2), "'RUN_NAME' is set by dstack itself"));
  box.workflows(
      "workflows:\n  - {name: w, provider: bash, env_file: ~/.env, commands: [\"true\"]}\n");
  CHECK(holds(box.refused({"validate"}, 2), "'~' is not expanded"));
}

TEST_CASE("a job that fails for want of a variable is told of the file that sets it") {
  const Sandbox box;
  make_ignoring_project(box);
  box.file(".env", std::string("API_KEY=") + hush + "\n");
  for (const char* command : {"set -u; echo $API_KEY", "echo \"KeyError: 'API_KEY'\"; exit 1"}) {
    const auto output = box.run({"run", "bash", "-c", command});
    CHECK(holds(output.err, "the job had no variable 'API_KEY', which '.env' sets"));
    CHECK(holds(output.err, "'env_file: .env'"));
    CHECK_FALSE(holds(output.out + output.err, hush));
  }
  CHECK_FALSE(holds(box.run({"run", "bash", "-c", "echo API_KEY; exit 1"}).err, "'.env' sets"));
  CHECK_FALSE(holds(
      box.run({"run", "bash", "--env-file", ".env", "-c", "echo KeyError: API_KEY; exit 1"}).err,
      "'.env' sets"));
  CHECK(holds(box.run({"run", "bash", "-c", "cat .env"}).err,
              "'env_file: .env' gives its variables"));
}

TEST_CASE("a job that fails for want of a variable of the caller's says how to hand it on") {
  Sandbox box;
  box.set(std::string("WANDB_API_KEY=") + hush);
  for (const char* command : {"set -u; echo $WANDB_API_KEY",
                              "echo ${WANDB_API_KEY:?is needed}",
                              "sh -uc 'echo $WANDB_API_KEY'",
                              "echo \"KeyError: 'WANDB_API_KEY'\"; exit 1",
                              "echo 'Please set WANDB_API_KEY'; exit 1",
                              "printf 'wandb_api_key\\n  Field required\\n'; exit 1"}) {
    INFO(command);
    const auto output = box.run({"run", "bash", "-c", command});
    CHECK(holds(output.err,
                "the job had no variable 'WANDB_API_KEY', which is set where the run was started, "
                "and not handed on: '-e WANDB_API_KEY', or 'environment: [WANDB_API_KEY]' in the "
                "workflow does that"));
    CHECK_FALSE(holds(output.out + output.err, hush));
  }
  // The job has it, or nothing complains about it.
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{
            "-e", "WANDB_API_KEY", "-c", "echo KeyError: WANDB_API_KEY; exit 1"},
        {"-c", "echo WANDB_API_KEY; exit 1"},
        {"-c", "echo KeyError: WANDB_API_KEY_2; exit 1"},
        {"-c", "echo KeyError: HOME; exit 1"}}) {
    std::vector<std::string> run = {"run", "bash"};
    run.insert(run.end(), words.begin(), words.end());
    CHECK_FALSE(holds(box.run(run).err, "not handed on"));
  }
  box.workflows(
      "workflows:\n  - {name: first, provider: bash, commands: ['set -u; echo $WANDB_API_KEY']}\n"
      "  - {name: second, provider: bash, commands: [ls], depends-on: [first]}\n");
  CHECK(holds(box.run({"run", "second"}).err,
              "not handed on: 'environment: [WANDB_API_KEY]' in workflow 'first' does that"));
}

#include "dstack/job/job_spec.hpp"

#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::job;

namespace {

std::string refusal(const std::string& json) {
  const auto job = job::parse_job(Json::parse(json));
  return job ? "no error" : job.error().message;
}

}  // namespace

TEST_CASE("a job survives being written and read", "[provider][job]") {
  job::JobSpec job;
  job.argv = {"python", "a b.py", ""};
  job.environment = {{"A", "1"}, {"B", ""}};
  job.working_dir = "src";
  job.artifacts = {"data", "model/best"};
  job.resources = {4, 1u << 30, 2, "V100", 1u << 20, 7, true, true};
  job.python = job::PythonRequest{"3.10", {"requirements.txt"}, {"numpy==1.26"}};

  CHECK(job::parse_job(Json(job)).value() == job);

  job::JobSpec commands;
  commands.commands = {"make", "make test"};
  commands.python = job::PythonRequest{};
  CHECK(job::parse_job(Json(commands)).value() == commands);
}

TEST_CASE("a job runs exactly one of a program and commands", "[provider][job]") {
  CHECK(refusal("{}") == "has no command: neither 'argv' nor 'commands'");
  CHECK(refusal(R"({"argv": [], "commands": []})") ==
        "has no command: neither 'argv' nor 'commands'");
  CHECK(refusal(R"({"argv": ["a"], "commands": ["b"]})") == "has both 'argv' and 'commands'");
  CHECK(refusal(R"({"argv": ["", "x"]})") == "'argv' begins with an empty program name");
}

TEST_CASE("wrong types and unknown members of a job are refused by name", "[provider][job]") {
  CHECK(refusal("[]") == "is not a map");
  CHECK(refusal(R"({"argv": "make"})") == "'argv' must be a list of texts");
  CHECK(refusal(R"({"argv": [1]})") == "'argv' must be a text");
  CHECK(refusal(R"({"argv": ["a"], "artifact": []})") ==
        "'job' has the unknown member 'artifact', did you mean 'artifacts'?");
  CHECK(refusal(R"({"argv": ["a"], "environment": ["A=1"]})") == "'environment' must be a map");
  CHECK(refusal(R"({"argv": ["a"], "environment": {"A=B": "1"}})") ==
        "'environment' has a variable with the invalid name 'A=B'");
  CHECK(refusal(R"({"argv": ["a"], "environment": {"A": 1}})") == "'A' must be a text");
  CHECK(refusal(R"({"argv": ["a"], "python": "3.10"})") == "'python' must be a map");
}

TEST_CASE("texts that no program can be given are refused", "[provider][job]") {
  CHECK(refusal(R"({"argv": ["a\u0000b"]})") == "'argv' contains a NUL character");
  Json job = Json::object();
  job["argv"] = {"\xff"};
  CHECK(job::parse_job(job).error().message == "'argv' is not UTF-8");
}

TEST_CASE("paths of a job stay in the project", "[provider][job]") {
  CHECK(refusal(R"({"argv": ["a"], "working_dir": "/tmp"})") ==
        "'working_dir' leads out of the project: '/tmp'");
  CHECK(refusal(R"({"argv": ["a"], "artifacts": ["../x"]})") ==
        "'artifacts' leads out of the project: '../x'");
  CHECK(refusal(R"({"argv": ["a"], "artifacts": ["./"]})") ==
        "'artifacts' has an empty path: './'");
  CHECK(refusal(R"({"argv": ["a"], "python": {"requirements": ["/etc/r.txt"]}})") ==
        "'requirements' leads out of the project: '/etc/r.txt'");
  CHECK(job::parse_job(Json::parse(R"({"argv": ["a"], "artifacts": ["./d/"]})"))
            .value()
            .artifacts[0] == "d");
}

TEST_CASE("resources are whole numbers that fit", "[provider][job]") {
  CHECK(refusal(R"({"argv": ["a"], "resources": {"cpu": -1}})") ==
        "'cpu' must be a whole number, 0 or more");
  CHECK(refusal(R"({"argv": ["a"], "resources": {"cpu": 4294967296}})") ==
        "'cpu' must be a whole number, 0 or more");
  CHECK(refusal(R"({"argv": ["a"], "resources": {"gpu": 1.5}})") ==
        "'gpu' must be a whole number, 0 or more");
  CHECK(refusal(R"({"argv": ["a"], "resources": {"local": 1}})") ==
        "'local' must be true or false");
  CHECK(refusal(R"({"argv": ["a"], "resources": {"gpu": {"cards": 1}}})") ==
        "'gpu' has the unknown member 'cards'");
  CHECK(job::parse_resources(Json::parse(R"({"gpu": 2})"))->gpu == 2);
  CHECK(job::parse_resources(Json::parse(R"({"gpu": {"name": "A100"}})"))->gpu == 1);
}

TEST_CASE("each member of a job survives being written and read", "[provider][job]") {
  const Json whole = Json::parse(R"({
    "commands": ["make"], "container": {"image": "i", "entrypoint": ["e"], "username": "u", "password": "p"},
    "setup": ["s"], "environment": {"A": "1"}, "working_dir": "src", "artifacts": ["out"],
    "optional_artifacts": ["out"],
    "resources": {"cpu": 1, "memory": 2, "gpu": {"count": 2, "name": "V100", "memory": 5}, "shm_size": 6,
                  "interruptible": true, "local": true},
    "python": {"version": "3.10", "requirements": ["r.txt"], "packages": ["numpy"]}, "tools": ["code-server"],
    "ports": 2, "apps": [{"name": "a", "port": 1, "path": "/p", "health": "/h", "token_query": "t"}],
    "token": "TOKEN", "master": 0, "workspace": "copy", "timeout": 1500, "retry": 3,
    "stop_signal": "INT"})");
  const auto job = job::parse_job(whole);
  REQUIRE(job);
  CHECK(render_json(Json(*job)) == render_json(whole));
}

TEST_CASE("what the types of a job do not say is checked as well", "[provider][job]") {
  CHECK(refusal(R"({"argv": ["a"], "native": {}})") ==
        "has both 'native' and something else to run");
  CHECK(refusal(R"({"native": 1})") == "'native' must be a map");
  CHECK(refusal(R"({"argv": ["a"], "ports": 1001})") == "'ports' must be at most 1000");
  CHECK(refusal(R"({"argv": ["a"], "workspace": "tmp"})") ==
        "'workspace' must be private, copy or project, not 'tmp'");
  CHECK(refusal(R"({"argv": ["a"], "workspace": ""})") == "no error");
  CHECK(refusal(R"({"argv": ["a"], "workspace": 1})") == "'workspace' must be a text");
  CHECK(refusal(R"({"argv": ["a"], "timeout": -1})") ==
        "'timeout' must be a whole number, 0 or more");
  CHECK(refusal(R"({"argv": ["a"], "stop_signal": "KILL"})") ==
        "'stop_signal' must be one of TERM, INT, HUP, QUIT, USR1, USR2, WINCH, not 'KILL'");
  CHECK(refusal(R"({"container": {}})") == "'container' has neither an 'image' nor a 'build'");
  CHECK(refusal(R"({"argv": ["a"], "apps": 1})") == "'apps' must be a list of maps");
  CHECK(refusal(R"({"argv": ["a"], "apps": [{"name": "x"}]})") ==
        "app 'x' uses port 0, but 'ports' is 0");
  CHECK(refusal(R"({"argv": ["a"], "ports": 1, "apps": [{"name": "x", "path": "p"}]})") ==
        "'path' of an app must begin with '/', not be 'p'");
  CHECK(refusal(R"({"argv": null, "commands": ["a"], "python": null})") == "no error");
}

TEST_CASE("an artifact is below the working directory, or else below the project's folder") {
  using Places = std::vector<std::string>;
  CHECK(artifact_places("", "", "out") == Places{"out"});
  CHECK(artifact_places("sub", "", "out") == Places{"sub/out", "out"});
  CHECK(artifact_places("app/sub", "app", "out") == Places{"app/sub/out", "app/out", "out"});
  CHECK(artifact_places("app", "app", "out") == Places{"app/out", "out"});
  CHECK(artifact_places("sub", "", "") == Places{"sub"});
}

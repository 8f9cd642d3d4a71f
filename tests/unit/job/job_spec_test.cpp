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

  CHECK(job::parse_job(job::render_job(job)).value() == job);

  job::JobSpec commands;
  commands.commands = {"make", "make test"};
  commands.python = job::PythonRequest{};
  CHECK(job::parse_job(job::render_job(commands)).value() == commands);
}

TEST_CASE("a job runs exactly one of a program and commands", "[provider][job]") {
  CHECK(refusal("{}") == "has no command: neither 'argv' nor 'commands'");
  CHECK(refusal(R"({"argv": [], "commands": []})") ==
        "has no command: neither 'argv' nor 'commands'");
  CHECK(refusal(R"({"argv": ["a"], "commands": ["b"]})") == "has both 'argv' and 'commands'");
  CHECK(refusal(R"({"argv": ["", "x"]})") == "'argv' begins with an empty program name");
}

TEST_CASE("wrong types and unknown members of a job are refused by name", "[provider][job]") {
  CHECK(refusal("[]") == "is no map");
  CHECK(refusal(R"({"argv": "make"})") == "'argv' must be a list of texts");
  CHECK(refusal(R"({"argv": [1]})") == "'argv' must be a text");
  CHECK(refusal(R"({"argv": ["a"], "artifact": []})") ==
        "'job' has the unknown member 'artifact', did you mean 'artifacts'?");
  CHECK(refusal(R"({"argv": ["a"], "environment": ["A=1"]})") == "'environment' must be a map");
  CHECK(refusal(R"({"argv": ["a"], "environment": {"A=B": "1"}})") ==
        "'environment' has a variable with the impossible name 'A=B'");
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
        "'artifacts' has a path that names nothing: './'");
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

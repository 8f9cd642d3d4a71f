// The providers that come with dstack, called as any other.
#include "calling.hpp"
#include "support/catch.hpp"

using namespace dstack;

namespace {

std::string plan(const std::string& name, const std::vector<provider::PlanRequest>& requests) {
  const auto registry = provider::Registry::discover(
      {{{DSTACK_PLUGINS, "built in", provider::TrustLevel::ours}}, Path()});
  const provider::Candidate* found = registry.find(name);
  REQUIRE(found != nullptr);
  return test::outcome(
      provider::plan_jobs(*found, requests, {std::chrono::seconds(60), std::chrono::seconds(60)}),
      found->path);
}

std::string plan(const std::string& name, const std::string& properties) {
  return plan(name, {{"train", Json::parse(properties)}});
}

}  // namespace

TEST_CASE("the built-in folder is found from where the program lies", "[abi][builtin]") {
  CHECK(fs::equivalent(provider::built_in_folder(), DSTACK_PLUGINS));
}

TEST_CASE("python runs the script with its arguments as they are", "[abi][python]") {
  CHECK(plan("python", R"({"file": "train.py"})") ==
        R"({"argv":["python","train.py"],"python":{}} )");
  CHECK(plan("python",
             R"({"file": "train.py", "args": ["--name", "a b", "$HOME", ""], "version": "3.10",
                           "requirements": ["requirements.txt", "more.txt"]})") ==
        R"({"argv":["python","train.py","--name","a b","$HOME",""],)"
        R"("python":{"version":"3.10","requirements":["requirements.txt","more.txt"]}} )");
}

TEST_CASE("python finds the script from the working directory", "[abi][python]") {
  CHECK(plan("python", R"({"file": "src/train.py", "working_dir": "src"})") ==
        R"({"argv":["python","train.py"],"python":{}} )");
  CHECK(plan("python", R"({"file": "train.py", "working_dir": "out/a"})") ==
        R"({"argv":["python","../../train.py"],"python":{}} )");
}

TEST_CASE("a script whose name begins with a dash is not an option of python", "[abi][python]") {
  CHECK(plan("python", R"({"file": "-c.py"})") == R"({"argv":["python","./-c.py"],"python":{}} )");
}

TEST_CASE("python refuses what is not a version", "[abi][python]") {
  for (const std::string version : {"three", "3.", ".3", "3..10", "3.10.1.2", ">=3.10"})
    CHECK(plan("python", R"({"file": "x.py", "version": ")" + version + "\"}") ==
          "[version: '" + version + "' is not a version of Python; write it as 3.10 or 3.10.4] ");
}

TEST_CASE("bash refuses what is not a version of Python", "[abi][bash]") {
  CHECK(plan("bash", R"({"commands": ["x"], "python": "new"})") ==
        "[python: 'new' is not a version of Python; write it as 3.10 or 3.10.4] ");
}

TEST_CASE("bash runs the commands, with a Python environment when one is asked for",
          "[abi][bash]") {
  CHECK(plan("bash", R"({"commands": ["make", "make test"]})") ==
        R"({"commands":["make","make test"]} )");
  CHECK(plan("bash", R"({"commands": ["python x.py"], "requirements": ["r.txt"]})") ==
        R"({"commands":["python x.py"],"python":{"requirements":["r.txt"]}} )");
  CHECK(plan("bash", R"({"commands": ["python x.py"], "python": "3.11"})") ==
        R"({"commands":["python x.py"],"python":{"version":"3.11"}} )");
}

TEST_CASE("a batch of many workflows is answered in order", "[abi][builtin]") {
  std::vector<provider::PlanRequest> requests;
  std::string expected;
  for (int i = 0; i < 2'000; ++i) {
    Json properties = Json::object();
    properties["commands"] = {"echo " + std::to_string(i) + " \"\\\n\t\xc3\xa9"};
    expected += Json{{"commands", properties["commands"]}}.dump() + " ";
    requests.push_back({"w" + std::to_string(i), std::move(properties)});
  }

  CHECK(plan("bash", requests) == expected);
}

TEST_CASE("no workflows need no child", "[abi][builtin]") {
  CHECK(provider::plan_jobs(test::candidate("missing"), {}).value().empty());
}

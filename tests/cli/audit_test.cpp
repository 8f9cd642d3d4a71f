// The record of what was done with a home, and by whom.
#include "dstack/base/sha256.hpp"
#include "dstack/base/text.hpp"
#include "support/catch.hpp"
#include "support/sandbox.hpp"

#include <algorithm>

#include <unistd.h>

using namespace dstack;
using dstack::test::Sandbox;

namespace {

const Json* entry_of(const Json& log, const std::string& action) {
  for (const Json& entry : log)
    if (entry["action"] == action)
      return &entry;
  return nullptr;
}

/// Adds a secret by standard input.
void add_secret(const Sandbox& box, const std::string& name) {
  REQUIRE(process::run(
      box.command({"secrets", "add", name}), "a value of it", std::chrono::seconds(60)));
}

}  // namespace

TEST_CASE("what was done is on record, with the secrets that a run was given by name") {
  const Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"echo x > f\"]}\n");
  add_secret(box, "TOKEN");
  box.ok({"run", "-q", "w"});
  const std::string run = box.last_run();
  box.ok({"code", run, "--changes", "--apply"});
  box.ok({"secrets", "delete", "-y", "TOKEN"});
  box.ok({"rm", "-y", run});

  const Json log = box.json({"audit", "--json"});
  REQUIRE(log.size() == 5);
  for (std::size_t i = 0; i < log.size(); ++i) {
    CHECK(log[i]["number"] == i + 1);
    CHECK(log[i]["uid"] == static_cast<std::int64_t>(::getuid()));
  }
  const Json* started = entry_of(log, "run");
  REQUIRE(started != nullptr);
  const Json& facts = (*started)["facts"];
  CHECK(facts["run"] == run);
  CHECK(facts["workflows"] == Json{"w"});
  CHECK(facts["secrets"] == Json{{"w", {"TOKEN"}}});
  CHECK(facts["providers"][0]["provider"] == "bash");
  const std::string library = facts["providers"][0]["path"].get<std::string>();
  CHECK(facts["providers"][0]["sha256"] == sha256(read_file(library).value()).render());
  CHECK_FALSE(facts.contains("sandboxes"));
  for (const char* action : {"secrets add", "apply", "secrets delete", "remove"})
    CHECK(entry_of(log, action) != nullptr);
  CHECK_THAT(read_file(box.home() / "audit.log").value(), !Catch::Contains("a value of it"));

  CHECK(box.json({"audit", run, "--json"}).size() == 3);
  CHECK(box.json({"audit", "-n", "2", "--json"}).size() == 2);
  CHECK_THAT(box.ok({"audit"}), Catch::Contains("remove  "));
}

TEST_CASE("a run that a job submits names that job") {
  const Sandbox box;
  box.workflows(
      "workflows:\n  - {name: inner, provider: bash, commands: [\"true\"]}\n"
      "  - {name: outer, provider: bash, commands: [\"cd $DSTACK_PROJECT && " DSTACK_BINARY
      " run -d inner\"], environment: {DSTACK_HOME: \"" +
      box.home().string() + "\"}}\n");
  box.ok({"run", "-q", "outer"});
  const Json log = box.json({"audit", "--json"});
  REQUIRE(log.size() == 2);
  CHECK(log[0]["job_of"] == nullptr);
  CHECK(log[1]["job_of"] == log[0]["facts"]["run"]);
}

TEST_CASE("damage of the record is told, by its command and by doctor") {
  const Sandbox box;
  box.workflows("workflows:\n  - {name: w, provider: bash, commands: [\"true\"]}\n");
  box.ok({"run", "-q", "w"});
  box.ok({"run", "-q", "w"});
  CHECK_THAT(box.run({"doctor"}).out, Catch::Contains("the audit log is whole, 2 in it"));
  const Path log = box.home() / "audit.log";
  std::string text = read_file(log).value();
  text.replace(text.find("\"target\":\"w\""), 12, "\"target\":\"v\"");
  REQUIRE(write_file_atomically(log, text, Durable::no));
  const auto output = box.run({"audit"});
  CHECK(Sandbox::code(output) == 1);
  CHECK_THAT(output.out, Catch::Contains("target: v"));
  CHECK_THAT(output.err,
             Catch::Contains("the audit log is damaged: line 1 was changed, or lines before line 2 "
                             "were removed"));
  CHECK_THAT(box.run({"doctor"}).out, Catch::Contains("the audit log is damaged"));
  // It goes on, and stays damaged.
  box.ok({"run", "-q", "w"});
  CHECK(Sandbox::code(box.run({"audit"})) == 1);
}

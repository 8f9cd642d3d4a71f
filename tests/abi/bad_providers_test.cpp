// One library for each way to be wrong: each comes to one clear error, and the host lives on.
#include "bad.hpp"
#include "support/catch.hpp"

using namespace dstack;
using dstack::test::bad;
using dstack::test::only_error;
using dstack::test::refusal;
using dstack::test::Sandbox;

namespace {

struct Wrong {
  std::string library;
  std::string did;        ///< what the error says after the provider's name and file
  std::string what = {};  ///< the property of the workflow, where a library can do several things
};

/// A library that is wrong before any workflow is planned.
const std::vector<Wrong> wrong_libraries = {
    {"no_entry", "has no entry 'dstack_provider_entry_v0'"},
    {"entry_of_another_version",
     "is built for version 2 of the provider interface, this dstack supports 0"},
    {"entry_is_data", "crashed with SIGSEGV while it was loaded"},
    {"crashes_when_loaded", "crashed with SIGSEGV while it was loaded"},
    {"aborts_when_loaded", "crashed with SIGABRT while it was loaded"},
    {"kills_itself", "crashed with SIGKILL while it was loaded"},
    {"exits_when_loaded", "ended the process with exit code 0 while it was loaded"},
    {"closes_everything_when_loaded",
     "closed the descriptors of its host while planning workflow 'bad'"},
    {"throws_when_made", "threw while it was set up: no licence found"},
    {"throws_in_entry", "threw while it was set up: from the entry"},
    {"silent_entry", "failed while it was set up and does not say why (status 2)"},
    {"refuses_to_work", "failed while it was set up: no licence for this machine"},
    {"exits_in_entry", "ended the process with exit code 5 while it was loaded"},
    {"crashes_in_entry", "crashed with SIGSEGV while it was loaded"},
    {"no_table", "returned no function table"},
    {"table_at_nowhere", "crashed with SIGSEGV while it was loaded"},
    {"table_without_plan", "returned a function table without 'plan'"},
    {"short_table", "returned a function table without 'plan'"},
    {"reserved_in_use", "returned a function table whose 'reserved' is not 0"}};

/// One that is wrong when it plans.
const std::vector<Wrong> wrong_plans = {
    {"recurses_without_end", "crashed with SIGSEGV while planning workflow 'bad'"},
    {"exits_in_a_thread", "ended the process with exit code 7 while planning workflow 'bad'"},
    {"writes_jobs_without_end",
     "wrote an answer of more than 2000000 parts while planning workflow 'bad'"},
    {"writes_text_without_end", "wrote more than 256.0 MB of text while planning workflow 'bad'"},
    {"reports_without_end", "reported more than 1000 problems while planning workflow 'bad'"},
    {"empty_command",
     "returned an invalid job for workflow 'bad': 'argv' begins with an empty program name"},
    {"commands_too", "returned an invalid job for workflow 'bad': has both 'argv' and 'commands'"},
    {"nul_in_argument",
     "returned an invalid job for workflow 'bad': 'argv' contains a NUL character"},
    {"argv_is_a_text",
     "returned an invalid job for workflow 'bad': 'argv' must be a list of texts"},
    {"bad_variable",
     "returned an invalid job for workflow 'bad': 'environment' has a variable with the invalid "
     "name "
     "'A=B'"},
    {"misbehaves", "threw while planning workflow 'bad': index 7 of 3", "throws"},
    {"misbehaves", "crashed with SIGSEGV while planning workflow 'bad'", "crashes"},
    {"misbehaves", "ended the process with exit code 3 while planning workflow 'bad'", "exits"},
    {"misbehaves", "returned no job for workflow 'bad'", "no job"},
    {"misbehaves",
     "returned an invalid job for workflow 'bad': has no command: neither 'argv' nor 'commands'",
     "no command"},
    {"misbehaves",
     "wrote a text that is not UTF-8 while planning workflow 'bad'",
     "invalid UTF-8"}};

/// Runs workflow `bad` with one of the libraries.
process::Output run_with(const Sandbox& box, const Wrong& wrong) {
  box.workflows("workflows:\n  - {name: bad, provider: bad" +
                (wrong.what.empty() ? "" : ", what: " + wrong.what) + "}\n");
  return box.run({"run", "bad", "--provider-path", bad(wrong.library).string()});
}

void check_all(const std::vector<Wrong>& all) {
  const Sandbox box;
  for (const Wrong& wrong : all) {
    INFO(wrong.library << " " << wrong.what);
    const std::string text = refusal(run_with(box, wrong), 1, bad(wrong.library));
    CHECK(only_error(text) == "error: provider 'bad' (PATH) " + wrong.did);
    CHECK(text.find("\nhint: ") != std::string::npos);
  }
}

}  // namespace

TEST_CASE("what a library did wrong before it planned is reported to the user",
          "[abi][third-party]") {
  check_all(wrong_libraries);
}

TEST_CASE("what a library did wrong while it planned is reported to the user",
          "[abi][third-party]") {
  check_all(wrong_plans);
}

TEST_CASE("a library that never answers is named to the user", "[abi][third-party]") {
  const Sandbox box;
  const std::vector<Wrong> silent = {
      {"hangs_when_loaded", "did not answer within 5.0s while it was loaded"},
      {"hangs_in_entry", "did not answer within 5.0s while it was loaded"},
      {"stops_when_loaded", "did not answer within 5.0s while it was loaded"}};
  for (const Wrong& wrong : silent) {
    INFO(wrong.library);
    CHECK(only_error(refusal(run_with(box, wrong), 1, bad(wrong.library))) ==
          "error: provider 'bad' (PATH) " + wrong.did);
  }
}

TEST_CASE("unusual but harmless behaviour is not a fault", "[abi][third-party]") {
  const Sandbox box;
  // Each of them also has an entry for a version that does not exist yet.
  for (const std::string library : {"good", "prints_when_loaded", "goes_elsewhere"}) {
    INFO(library);
    const auto output = run_with(box, {library, "", ""});
    CHECK(Sandbox::code(output) == 0);
    CHECK(output.out == "well\n");
  }
}

TEST_CASE("all of them lie in the plugins folder, and a good workflow runs", "[abi][third-party]") {
  const Sandbox box;
  const Path plugins = box.home() / "plugins";
  REQUIRE(make_folders(plugins));
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(test::bad_providers)) {
    fs::copy_file(entry.path(), plugins / entry.path().filename());
    ++count;
  }
  box.workflows("workflows:\n  - {name: fine, provider: bash, commands: [\"echo fine\"]}\n");

  std::size_t listed = 0;
  for (const Json& candidate : box.json({"providers", "list", "--json"}))
    listed += candidate["source"] == "home" ? 1u : 0u;
  CHECK(listed == count);
  CHECK(box.ok({"run", "fine"}) == "fine\n");
}

TEST_CASE("'providers check' reports the same to an author", "[abi][third-party]") {
  const Sandbox box;
  for (const Wrong& wrong : wrong_libraries) {
    INFO(wrong.library);
    const auto output = box.run({"providers", "check", bad(wrong.library).string()});
    CHECK(Sandbox::code(output) == 1);
    // What is closed while the library is loaded is missed when the answer is written.
    const std::string did = wrong.library == "closes_everything_when_loaded"
                                ? "closed the descriptors of its host while it was loaded"
                                : wrong.did;
    CHECK(output.out.find("\nerror   load      provider 'bad' (" + bad(wrong.library).string() +
                          ") " + did + "\n") != std::string::npos);
  }
  const std::string fine = box.ok({"providers", "check", bad("good").string()});
  CHECK(fine.find("\nok      example   dstack run bad: echo well\n") != std::string::npos);
  const auto plan = box.run({"providers", "check", bad("commands_too").string()});
  CHECK(Sandbox::code(plan) == 1);
  CHECK(plan.out.find("has both 'argv' and 'commands'") != std::string::npos);
}

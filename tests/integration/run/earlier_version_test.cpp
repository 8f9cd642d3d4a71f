// A run that an earlier version started and did not live to finish. earlier_run/ is the home as
// that version left it: its supervisor was killed while the job of 'prepare' ran, and nobody has
// seen the end of that job yet. The database is kept as SQL.
#include "dstack/process/identity.hpp"
#include "support/catch.hpp"
#include "support/sandbox.hpp"

using namespace dstack;
using dstack::test::Sandbox;

namespace {

constexpr const char* run = "able-deer-1";

const Path kept = Path(DSTACK_SOURCE_DIR) / "tests" / "integration" / "run" / "earlier_run";

/// The home of the earlier version, as if that run had been started here.
void restore(const Sandbox& box) {
  box.workflows("workflows: []\n");
  REQUIRE(make_folders(box.home().parent_path()));
  REQUIRE(remove_tree(box.home()));
  fs::copy(kept / "home", box.home(), fs::copy_options::recursive);
  process::Command command;
  command.argv = {"python3",
                  "-c",
                  "import sqlite3, sys\n"
                  "database = sqlite3.connect(sys.argv[1])\n"
                  "database.executescript(open(sys.argv[2]).read())\n"
                  "database.execute('pragma application_id = 0x6473746b')\n"  // no dump has it
                  "database.execute('update run set machine = ?', [sys.argv[3]])\n"
                  "database.commit()\n",
                  (box.home() / "database.sqlite").string(),
                  (kept / "database.sql").string(),
                  process::machine_id()};
  const auto made = process::run(command, {}, std::chrono::seconds(60));
  REQUIRE(made);
  INFO(made->err);
  REQUIRE(process::succeeded(made->status));
}

}  // namespace

TEST_CASE("a run that an earlier version started is taken over and finished") {
  const Sandbox box;
  restore(box);

  const auto jobs = box.wait(run)["jobs"];

  REQUIRE(jobs.size() == 2);
  CHECK(jobs[0]["status"] == "done");
  CHECK(jobs[0]["exit_code"] == 0);
  CHECK(jobs[1]["status"] == "done");
  CHECK(box.ok({"logs", run, "train"}) == "trained on 1\n");
  CHECK(box.ok({"logs", run, "prepare"}) == "prepared by the earlier version\n");
  const Path to = box.root() / "to";
  box.ok({"artifacts", "download", run, "-o", to.string()});
  CHECK(read_file(to / "prepare/data/x").value_or("") == "1\n");
  CHECK(read_file(to / "train/model/y").value_or("") == "1\n");
}

TEST_CASE("a run that an earlier version started can be stopped") {
  const Sandbox box;
  restore(box);
  box.ok({"stop", run, "-y"});
  CHECK(box.json({"show", run, "--json"})["status"] != "running");
}

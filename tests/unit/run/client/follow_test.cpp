#include "dstack/run/client/follow.hpp"

#include "dstack/job/status.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "unit/store/fixture.hpp"

#include <algorithm>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::store;
using dstack::run::FollowListener;

namespace {

/// A run that this very process supervises: its first job is over, and the others wait.
struct Fixture {
  TestHome test;
  Records records = test.open();
  std::string name = "quiet-otter-1";
  Fd lock;
  RunId id = make();

  RunId make() {
    NewRun made = new_run(name);
    made.machine = process::machine_id();
    const RunId run = value_of(records.create_run(made));
    require_ok(records.apply(run, job_change(0, job::Status::running, 1)));
    require_ok(records.apply(run, job_change(0, job::Status::done, 2)));
    write_log(0, "once\n");
    const Path lock_file = test.home().run(name) / run::file_names::run_lock;
    write_file(lock_file, process::render(*process::identity_of(::getpid())));
    lock = value_of(open_file(lock_file.string(), O_RDWR));
    CHECK(value_of(lock_exclusive(lock.get(), Wait::no)));
    return run;
  }

  void change(const RunChanges& changes) { require_ok(records.apply(id, changes)); }

  void write_log(std::size_t job, std::string_view text) const {
    write_file(test.home().job(name, job) / run::file_names::log, text);
  }

  void tell(const std::string& jobs) const {
    std::ofstream((test.home().run(name) / run::file_names::changes).string(), std::ios::app)
        << jobs << '\n';
  }
};

/// What the supervisor does when there is news of a job.
struct Step {
  std::size_t job;
  std::function<void()> act;
};

struct Listener final : FollowListener {
  explicit Listener(std::vector<Step> all) : steps(std::move(all)) {}

  void began(const RunState&) override { text += "began\n"; }

  void output(std::size_t job, std::string_view bytes) override {
    text += std::to_string(job) + " prints " + std::string(bytes);
  }

  void changed(const RunState& state, const std::vector<std::size_t>& jobs) override {
    for (const std::size_t job : jobs)
      if (state.jobs[job].status != job::Status::submitted)
        text += std::to_string(job) + " is " + std::string(render(state.jobs[job].status)) + "\n";
    if (next < steps.size() && std::count(jobs.begin(), jobs.end(), steps[next].job) > 0)
      steps[next++].act();
  }

  std::vector<Step> steps;
  std::size_t next = 0;
  std::string text;
};

/// All calls of a listener.
std::string calls_of(Fixture& fixture, const std::vector<Step>& steps) {
  Records reader = fixture.test.open();
  Listener listener(steps);
  RunState state;
  const auto end = run::follow(fixture.test.home(), reader, fixture.name, state, listener, {});
  REQUIRE(end);
  CHECK(*end == run::FollowEnd::finished);
  CHECK(listener.next == steps.size());
  CHECK(state.run.status == job::Status::done);
  return listener.text;
}

}  // namespace

TEST_CASE("a job that is named once more after its end is not shown once more") {
  Fixture fixture;
  CHECK(calls_of(fixture,
                 {{0,
                   [&] {
                     fixture.change(job_change(1, job::Status::running, 3));
                     fixture.tell("1");
                   }},
                  {1, [&] { fixture.tell("0"); }},
                  {0, [&] {
                     fixture.change(run_change(job::Status::done, 4));
                     fixture.tell(std::string(run::all_jobs));
                   }}}) == "began\n0 prints once\n0 is done\n1 is running\n0 is done\n");
}

TEST_CASE("a run that is over before its last job was named loses nothing of that job's output") {
  Fixture fixture;
  CHECK(calls_of(fixture,
                 {{0,
                   [&] {
                     fixture.change(job_change(1, job::Status::running, 3));
                     fixture.tell("1");
                   }},
                  {1,
                   [&] {
                     fixture.write_log(2, "last\n");
                     fixture.change(job_change(2, job::Status::running, 4));
                     fixture.change(job_change(2, job::Status::done, 5));
                     fixture.change(run_change(job::Status::done, 5));
                     fixture.tell("1");
                   }}}) ==
        "began\n0 prints once\n0 is done\n1 is running\n1 is running\n2 prints last\n2 is done\n");
}

TEST_CASE("the output of a job comes between the changes to running and to its end") {
  Fixture fixture;
  fixture.write_log(1, "early\n");
  fixture.change(job_change(1, job::Status::running, 3));
  CHECK(calls_of(
            fixture,
            {{0, [&] {
                fixture.change(job_change(1, job::Status::done, 4));
                fixture.change(run_change(job::Status::done, 4));
                fixture.tell("1");
              }}}) == "began\n1 is running\n0 prints once\n1 prints early\n0 is done\n1 is done\n");
}

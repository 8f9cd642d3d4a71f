#include "dstack/run/follow.hpp"

#include "dstack/process/identity.hpp"
#include "dstack/run/order.hpp"
#include "unit/store/fixture.hpp"

#include <fstream>
#include <functional>
#include <string>
#include <vector>

using namespace dstack;
using namespace dstack::store;
using dstack::run::FollowListener;

namespace {

/// A run that this very process supervises: its first job is over, and the others wait.
struct Fixture {
  TestHome test;
  Records records = test.open();
  std::string name = "quiet-otter-1";
  RunId id = make();

  RunId make() {
    NewRun made = new_run(name);
    made.machine = process::machine_id();
    const RunId run = value_of(records.create_run(made));
    require_ok(records.apply(run, job_change(0, Status::running, 1)));
    require_ok(records.apply(run, job_change(0, Status::done, 2)));
    write_log(0, "once\n");
    write_file(test.home().run(name) / run::files::run_lock,
               process::render(*process::identity_of(::getpid())));
    return run;
  }

  void change(const RunChanges& changes) { require_ok(records.apply(id, changes)); }

  void write_log(std::size_t job, std::string_view text) const {
    write_file(test.home().job(name, job) / run::files::log, text);
  }

  void tell(const std::string& jobs) const {
    std::ofstream((test.home().run(name) / run::files::changes).string(), std::ios::app)
        << jobs << '\n';
  }
};

/// Answers each news with what the supervisor does next.
struct Listener final : FollowListener {
  using Steps = std::vector<std::function<void()>>;

  explicit Listener(Steps steps) : next(std::move(steps)) {}

  void output(std::size_t job, std::string_view bytes) override {
    text += std::to_string(job) + ": " + std::string(bytes);
  }

  void changed(const RunState&, const std::vector<std::size_t>&) override {
    if (news < next.size())
      next[news]();
    ++news;
  }

  Steps next;
  std::size_t news = 0;
  std::string text;
};

std::string shown(Fixture& fixture, const Listener::Steps& steps) {
  Records reader = fixture.test.open();
  Listener listener(steps);
  RunState state;
  const auto end = run::follow(fixture.test.home(), reader, fixture.name, state, listener, {});
  REQUIRE(end);
  CHECK(*end == run::FollowEnd::finished);
  CHECK(listener.news >= steps.size());
  CHECK(state.run.status == Status::done);
  return listener.text;
}

}  // namespace

TEST_CASE("a job that is named once more after its end is not shown once more") {
  Fixture fixture;
  CHECK(shown(fixture,
              {[&] {
                 fixture.change(job_change(1, Status::running, 3));
                 fixture.tell("1");
               },
               [&] { fixture.tell("0"); },
               [&] {
                 fixture.change(run_change(Status::done, 4));
                 fixture.tell(std::string(run::all_jobs));
               }}) == "0: once\n");
}

TEST_CASE("a run that is over before its last job was named loses nothing of that job's output") {
  Fixture fixture;
  CHECK(shown(fixture,
              {[&] {
                 fixture.change(job_change(1, Status::running, 3));
                 fixture.tell("1");
               },
               [&] {
                 fixture.write_log(2, "last\n");
                 fixture.change(job_change(2, Status::running, 4));
                 fixture.change(job_change(2, Status::done, 5));
                 fixture.change(run_change(Status::done, 5));
                 fixture.tell("1");
               }}) == "0: once\n2: last\n");
}

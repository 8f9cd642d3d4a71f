#include "dstack/run/follow.hpp"

#include "dstack/process/identity.hpp"
#include "dstack/run/order.hpp"
#include "unit/store/fixture.hpp"

#include <fstream>
#include <string>

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
    write_file(test.home().job(name, 0) / run::files::log, "once\n");
    write_file(test.home().run(name) / run::files::run_lock,
               process::render(*process::identity_of(::getpid())));
    return run;
  }

  void tell(const std::string& jobs) const {
    std::ofstream((test.home().run(name) / run::files::changes).string(), std::ios::app)
        << jobs << '\n';
  }
};

/// Answers each news with what the supervisor does next.
struct Listener final : FollowListener {
  explicit Listener(Fixture& followed) : fixture(followed) {}

  void output(std::size_t job, std::string_view bytes) override {
    text += std::to_string(job) + ": " + std::string(bytes);
  }

  void changed(const RunState&, const std::vector<std::size_t>&) override {
    switch (++news) {
      case 1:
        require_ok(fixture.records.apply(fixture.id, job_change(1, Status::running, 3)));
        return fixture.tell("1");
      case 2:
        return fixture.tell("0");
      case 3:
        require_ok(fixture.records.apply(fixture.id, run_change(Status::done, 4)));
        return fixture.tell(std::string(run::all_jobs));
      default:
        return;
    }
  }

  Fixture& fixture;
  int news = 0;
  std::string text;
};

}  // namespace

TEST_CASE("a job that is named once more after its end is not shown once more") {
  Fixture fixture;
  Records reader = fixture.test.open();
  Listener listener(fixture);
  RunState state;

  const auto end = run::follow(fixture.test.home(), reader, fixture.name, state, listener, {});

  REQUIRE(end);
  CHECK(*end == run::FollowEnd::finished);
  CHECK(listener.news >= 3);
  CHECK(listener.text == "0: once\n");
}

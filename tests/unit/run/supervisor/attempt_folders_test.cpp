#include "dstack/run/supervisor/attempt_folders.hpp"

#include "dstack/base/file.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "support/catch.hpp"

#include <fcntl.h>

using namespace dstack;
using namespace dstack::run;

namespace {

/// A home with one job, whose runner leaves what a test says.
struct Fixture {
  Fixture() {
    order.plan.run_name = "quiet-otter-1";
    order.job_ids = {"0123456789ab"};
  }

  void write(std::size_t attempt, const char* name, const std::string& text) {
    REQUIRE(make_folders(folders.folder(0, attempt)));
    REQUIRE(write_file_atomically(folders.folder(0, attempt) / name, text, Durable::no, 0600));
  }

  TemporaryFolder folder = *TemporaryFolder::make(fs::temp_directory_path());
  files::Home home{folder.path() / "home"};
  RunOrder order;
  AttemptFolders folders{home, order};
};

}  // namespace

TEST_CASE("the newest attempt is the last one that has a folder") {
  Fixture fixture;
  CHECK(fixture.folders.newest(0) == 0);
  REQUIRE(make_folders(fixture.folders.folder(0, 1)));
  CHECK(fixture.folders.newest(0) == 1);
  REQUIRE(make_folders(fixture.folders.folder(0, 2)));
  CHECK(fixture.folders.newest(0) == 2);
}

TEST_CASE("a runner is alive while its lock is held, then ended with a record, or lost") {
  Fixture fixture;
  fixture.write(1, file_names::lock, "");
  CHECK(fixture.folders.look(0, 1) == Trace::none);
  fixture.write(1, file_names::runner, "");
  CHECK(fixture.folders.look(0, 1) == Trace::lost);
  {
    const auto lock = open_file((fixture.folders.folder(0, 1) / file_names::lock).string(), O_RDWR);
    REQUIRE(lock);
    REQUIRE(lock_exclusive(lock->get(), Wait::no));
    CHECK(fixture.folders.look(0, 1) == Trace::alive);
    CHECK_FALSE(fixture.folders.open_runner(0, 1));  // it has not said who it is
  }
  ExitRecord record;
  record.number = 3;
  fixture.write(1, file_names::exit_record, render_exit_record(record));
  CHECK(fixture.folders.look(0, 1) == Trace::ended);
  CHECK(fixture.folders.record(0, 1).value()->number == 3);
  record.job = "000000000000";
  fixture.write(1, file_names::exit_record, render_exit_record(record));
  CHECK(fixture.folders.look(0, 1) == Trace::lost);  // the record of another job
}

TEST_CASE("what an attempt was given and what its runner reported is in its folder") {
  Fixture fixture;
  CHECK(fixture.folders.ports(0, 1)->empty());
  fixture.write(1, file_names::ports, "20001 20002\n");
  fixture.write(1, file_names::states, "0 running 5 1\n");
  CHECK(fixture.folders.ports(0, 1) == std::vector<std::uint16_t>{20001, 20002});
  CHECK(fixture.folders.messages(0, 1)->front() == "0 running 5 1");
}

TEST_CASE("what cannot be read does not count as missing") {
  Fixture fixture;
  fixture.write(1, file_names::runner, "");
  const auto in_the_way = [&](const char* name) {
    REQUIRE(make_folders(fixture.folders.folder(0, 1) / name));
  };
  in_the_way(file_names::exit_record);
  CHECK_FALSE(fixture.folders.record(0, 1));
  CHECK_FALSE(fixture.folders.look(0, 1));
  in_the_way(file_names::ports);
  CHECK_FALSE(fixture.folders.ports(0, 1));
  in_the_way(file_names::states);
  CHECK_FALSE(fixture.folders.messages(0, 1));
  in_the_way(file_names::lock);
  CHECK_FALSE(fixture.folders.locked(0, 1));
}

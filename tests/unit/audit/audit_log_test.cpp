#include "dstack/audit/audit_log.hpp"

#include "support/catch.hpp"

#include <thread>

#include <sys/stat.h>
#include <unistd.h>

using namespace dstack;

namespace {

struct Box {
  TemporaryFolder folder = *TemporaryFolder::make(fs::temp_directory_path(), "dstack-audit-");
  files::Home home{folder.path()};

  audit::Reading read() const {
    auto reading = audit::read(home);
    if (!reading)
      FAIL(render(reading.error()));
    return *std::move(reading);
  }
};

}  // namespace

TEST_CASE("what is noted can be read, with who did it") {
  const Box box;
  CHECK(box.read().entries.empty());
  audit::note(box.home, "run", {{"run", "quiet-otter-3"}});
  audit::note(box.home, "remove", {{"runs", {"quiet-otter-3"}}});
  const audit::Reading reading = box.read();
  CHECK(reading.damage.empty());
  REQUIRE(reading.entries.size() == 2);
  CHECK(reading.entries[0].action == "run");
  CHECK(reading.entries[0].uid == static_cast<std::int64_t>(::getuid()));
  CHECK(reading.entries[0].pid == static_cast<std::int64_t>(::getpid()));
  CHECK(reading.entries[1].number == 2);
  struct stat status;
  REQUIRE(::stat((box.home.root / "audit.log").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("many write at once, and the chain holds") {
  const Box box;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&box] {
      for (int i = 0; i < 50; ++i)
        audit::note(box.home, "run", {{"number", i}, {"text", std::string(200, 'x')}});
    });
  for (std::thread& thread : threads)
    thread.join();
  const audit::Reading reading = box.read();
  CHECK(reading.damage.empty());
  CHECK(reading.entries.size() == 200);
}

TEST_CASE("an entry that was cut stays damage, and others follow it") {
  const Box box;
  for (int i = 0; i < 3; ++i)
    audit::note(box.home, "run", {{"number", i}});
  const Path log = box.home.root / "audit.log";
  const auto size = static_cast<off_t>(fs::file_size(log));
  REQUIRE(::truncate(log.c_str(), size - 10) == 0);
  CHECK(box.read().damage.size() == 2);
  audit::note(box.home, "run", {{"number", 3}});
  const audit::Reading reading = box.read();
  CHECK(reading.entries.size() == 3);
  CHECK(reading.damage.front() == "line 3 is not an entry");
}

TEST_CASE("a log that is cut between two entries is short by those") {
  const Box box;
  audit::note(box.home, "run", Json::object());
  const Path log = box.home.root / "audit.log";
  const auto size = static_cast<off_t>(fs::file_size(log));
  audit::note(box.home, "run", Json::object());
  REQUIRE(::truncate(log.c_str(), size) == 0);
  CHECK(box.read().damage == std::vector<std::string>{"an entry is missing at its end"});
  // What is written later does not hide it.
  audit::note(box.home, "run", Json::object());
  CHECK_FALSE(box.read().damage.empty());
  REQUIRE(::unlink(log.c_str()) == 0);
  CHECK(box.read().damage == std::vector<std::string>{"3 entries are missing at its end"});
  audit::note(box.home, "run", Json::object());
  CHECK_FALSE(box.read().damage.empty());
}

TEST_CASE("a link in the place of the log is not followed") {
  const Box box;
  const Path other = box.home.root / "other";
  REQUIRE(write_file_atomically(other, "kept\n", Durable::no));
  REQUIRE(::symlink(other.c_str(), (box.home.root / "audit.log").c_str()) == 0);
  audit::note(box.home, "run", Json::object());
  CHECK(read_file(other).value() == "kept\n");
}

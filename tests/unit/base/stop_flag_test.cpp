#include "dstack/base/stop_flag.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"

#include <thread>

#include <fcntl.h>

using namespace dstack;

TEST_CASE("a stop is that of the thread whose work it is, and only while it is that work") {
  StopFlag flag;
  {
    const StoppableWork work(&flag);
    CHECK_FALSE(stop_is_asked());
    flag.set();
    CHECK(stop_is_asked());
    CHECK_FALSE(check_stop());
    bool elsewhere = true;
    std::jthread([&] { elsewhere = stop_is_asked(); }).join();
    CHECK_FALSE(elsewhere);
    const StoppableWork inner(nullptr);
    CHECK_FALSE(stop_is_asked());
  }
  CHECK_FALSE(stop_is_asked());
}

TEST_CASE("who waits for a lock gives up when a stop is asked for") {
  const auto folder = TemporaryFolder::make(fs::temp_directory_path(), "dstack-test-");
  REQUIRE(folder);
  const std::string path = (folder->path() / "lock").string();
  const auto held = open_file(path, O_RDWR | O_CREAT);
  REQUIRE(held);
  REQUIRE(lock_exclusive(held->get(), Wait::no).value_or(false));
  const auto other = open_file(path, O_RDWR);
  REQUIRE(other);
  StopFlag flag;
  std::string failure;
  std::jthread waiting([&] {
    const StoppableWork work(&flag);
    failure = test::failure_of(lock_until_stopped(other->get())).message;
  });
  flag.set();
  waiting.join();
  CHECK(failure == "it was stopped");
}

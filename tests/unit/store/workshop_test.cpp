#include "dstack/store/workshop.hpp"

#include "unit/store/fixture.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::store;

namespace {

std::size_t count_in(const Path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

/// Another process that makes a workshop with a file in it and then lives until it is killed.
class Maker {
 public:
  explicit Maker(const Home& home) {
    auto pipe = make_pipe();
    REQUIRE(pipe);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      const auto workshop = Workshop::make(home, "test");
      if (workshop && write_file_atomically(workshop->path() / "draft", "x", Durable::no))
        (void)write_all(pipe->write_end.get(), "ready");
      for (;;)
        ::pause();
    }
    pipe->write_end.reset();
    char first = 0;
    REQUIRE(value_of(read_some(pipe->read_end.get(), &first, 1)) == 1);
  }

  Maker(const Maker&) = delete;
  Maker& operator=(const Maker&) = delete;

  ~Maker() { kill(); }

  void kill() {
    if (pid_ <= 0)
      return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
};

}  // namespace

TEST_CASE("a workshop goes with its object") {
  const TestHome t;
  {
    const Workshop workshop = value_of(Workshop::make(t.home(), "test"));
    CHECK(fs::is_directory(workshop.path()));
  }
  CHECK(fs::is_empty(t.home().temporary()));
}

TEST_CASE("what a dead process left is removed by the next, and nothing of a living one") {
  const TestHome t;
  Maker dead(t.home());
  const Maker living(t.home());
  CHECK(count_in(t.home().temporary()) == 2);
  dead.kill();
  const Workshop mine = value_of(Workshop::make(t.home(), "test"));
  CHECK(count_in(t.home().temporary()) == 2);
  remove_abandoned_workshops(t.home());
  CHECK(fs::is_directory(mine.path()));
}

TEST_CASE("folders that are no workshops are left alone, however old") {
  const TestHome t;
  fs::create_directories(t.home().temporary() / "mine");
  remove_abandoned_workshops(t.home());
  CHECK(fs::is_directory(t.home().temporary() / "mine"));
}

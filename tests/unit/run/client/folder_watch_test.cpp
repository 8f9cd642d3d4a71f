#include "dstack/run/client/folder_watch.hpp"

#include "dstack/process/spawn.hpp"
#include "support/catch.hpp"
#include "support/wait.hpp"
#include "unit/store/fixture.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

using namespace dstack;
using namespace dstack::store;
using dstack::run::FolderWatch;
using Means = FolderWatch::Means;

namespace {

void append_by_another_process(const Path& file) {
  process::Command command;
  command.argv = {"sh", "-c", "echo more >> \"$0\"", file.string()};
  const auto output = process::run(command);
  REQUIRE(output);
  REQUIRE(process::succeeded(output->status));
}

bool is_readable(const FolderWatch& watch) {
  pollfd polled{watch.fd(), POLLIN, 0};
  return ::poll(&polled, 1, 0) > 0;
}

bool is_pending() {
  sigset_t pending;
  ::sigpending(&pending);
  return sigismember(&pending, SIGIO) == 1;
}

}  // namespace

TEST_CASE("a watch wakes when another process writes to a file of one of its folders") {
  const TestHome test;
  const Path first = test.home().root / "first";
  const Path second = test.home().root / "second";
  for (const Path& folder : {first, second})
    write_file(folder / "log", "");
  FolderWatch watch(GENERATE(Means::notify, Means::inotify));
  REQUIRE(watch.add(first));
  REQUIRE(watch.add(second));
  CHECK(watch.watches(first));
  CHECK_FALSE(is_readable(watch));

  for (const Path& folder : {first, second}) {
    append_by_another_process(folder / "log");
    test::wait_until([&] { return is_readable(watch); });
    watch.take();
    CHECK_FALSE(is_readable(watch));
  }
}

TEST_CASE("a watch wakes when only the times of a file are set, as after a splice") {
  const TestHome test;
  const Path folder = test.home().root / "job";
  write_file(folder / "log", "");
  FolderWatch watch(GENERATE(Means::notify, Means::inotify));
  REQUIRE(watch.add(folder));
  REQUIRE(::utimensat(AT_FDCWD, (folder / "log").c_str(), nullptr, 0) == 0);
  test::wait_until([&] { return is_readable(watch); });
}

TEST_CASE("a folder that is no longer watched wakes nobody, and one that is not there cannot be") {
  const TestHome test;
  const Path folder = test.home().root / "job";
  write_file(folder / "log", "");
  FolderWatch watch(GENERATE(Means::notify, Means::inotify));
  CHECK_FALSE(watch.add(folder / "nothing"));
  REQUIRE(watch.add(folder));
  REQUIRE(watch.add(folder));
  watch.remove(folder);
  CHECK_FALSE(watch.watches(folder));
  watch.take();  // that it was removed is an event of inotify's
  append_by_another_process(folder / "log");
  CHECK_FALSE(is_readable(watch));
}

TEST_CASE("after a watch nothing of it is pending, and signals are blocked as before") {
  const TestHome test;
  const Path folder = test.home().root / "job";
  write_file(folder / "log", "");
  sigset_t before;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
  {
    FolderWatch watch;
    REQUIRE(watch.add(folder));
    append_by_another_process(folder / "log");
    test::wait_until([&] { return is_readable(watch); });
  }
  CHECK_FALSE(is_pending());
  sigset_t after;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
  CHECK(sigismember(&after, SIGIO) == sigismember(&before, SIGIO));
}

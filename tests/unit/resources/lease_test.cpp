#include "dstack/resources/lease.hpp"

#include "support/catch.hpp"
#include "support/other_process.hpp"

#include <algorithm>
#include <cerrno>
#include <functional>
#include <random>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::resources;
using dstack::test::OtherProcess;

namespace {

struct Bench {
  TemporaryFolder home = *TemporaryFolder::make(fs::temp_directory_path(), "dstack-leases-");
  Path folder = leases_folder(home.path());

  Lease lease(std::uint64_t cpu, const std::string& run = "quiet-otter-1") const {
    Entry entry;
    entry.run = run;
    entry.workflow = "train";
    entry.demand.cpu = cpu;
    auto made = Lease::make(folder, std::move(entry), {4, 0});
    REQUIRE(made);
    return *std::move(made);
  }

  std::size_t entries() const { return read_leases(folder).entries.size(); }
};

/// Until one of the lease's events has come; one that never comes fails the test after a minute.
void wait_for_event(const Lease& lease) {
  std::vector<pollfd> polled;
  for (const int fd : lease.events())
    polled.push_back({fd, 0, 0});
  REQUIRE_FALSE(polled.empty());
  int ready = -1;
  while ((ready = ::poll(polled.data(), polled.size(), 60'000)) < 0)
    REQUIRE(errno == EINTR);
  REQUIRE(ready > 0);
}

bool any_event(const Lease& lease) {
  std::vector<pollfd> polled;
  for (const int fd : lease.events())
    polled.push_back({fd, 0, 0});
  return ::poll(polled.data(), polled.size(), 0) > 0;
}

std::optional<Lease> kept;  ///< of a child process: until it is killed

}  // namespace

TEST_CASE("a released lease is gone, and one whose holder ended without that is orphaned") {
  const Bench bench;
  std::optional<Lease> first = bench.lease(3);
  Lease second = bench.lease(2, "calm-newt-1");
  CHECK(orphaned_leases(bench.folder).empty());

  SECTION("released") {
    REQUIRE(first->release());
    CHECK(any_event(second));
    CHECK(orphaned_leases(bench.folder).empty());
  }
  SECTION("not released") {
    first.reset();
    const auto orphaned = orphaned_leases(bench.folder);
    REQUIRE(orphaned.size() == 1);
    CHECK(orphaned[0].run == "quiet-otter-1");
  }

  REQUIRE(second.retry());
  CHECK(second.granted());
  CHECK(bench.entries() == 1);
  CHECK(orphaned_leases(bench.folder).empty());
}

TEST_CASE("a waiting lease is granted when another ends, and is woken then") {
  const Bench bench;
  std::optional<Lease> first = bench.lease(3);
  Lease second = bench.lease(2);
  CHECK(first->granted());
  CHECK_FALSE(second.granted());
  CHECK(second.reason() == "needs 2 CPUs, 1 of 4 free");
  CHECK_FALSE(any_event(second));
  REQUIRE(second.retry());
  CHECK_FALSE(second.granted());

  first.reset();

  wait_for_event(second);
  REQUIRE(second.retry());
  CHECK(second.granted());
  CHECK(second.reason().empty());
  CHECK(second.events().empty());
}

TEST_CASE("a lease ends with its holder, however that ends, and those that wait are woken") {
  const Bench bench;
  OtherProcess holder([&] { kept = bench.lease(4); });
  Lease waiting = bench.lease(1);
  CHECK_FALSE(waiting.granted());
  CHECK_FALSE(any_event(waiting));

  holder.kill();

  wait_for_event(waiting);
  REQUIRE(waiting.retry());
  CHECK(waiting.granted());
  CHECK(bench.entries() == 1);
}

TEST_CASE("a process that is killed while it waits blocks nobody") {
  const Bench bench;
  Lease first = bench.lease(2);
  OtherProcess large([&] { kept = bench.lease(4); });
  Lease small = bench.lease(1);
  CHECK(small.reason() == "waits behind 'train' of run 'quiet-otter-1'");

  large.kill();

  wait_for_event(small);
  REQUIRE(small.retry());
  CHECK(small.granted());
}

TEST_CASE("a waiting lease is woken when the one before it is granted, and its reason changes") {
  const Bench bench;
  std::optional<Lease> first = bench.lease(4);
  Lease second = bench.lease(4, "calm-fox-2");
  Lease third = bench.lease(1);
  first.reset();
  wait_for_event(third);
  REQUIRE(third.retry());  // before the one whose turn it is
  CHECK(third.reason() == "waits behind 'train' of run 'calm-fox-2'");
  CHECK_FALSE(any_event(third));

  wait_for_event(second);
  REQUIRE(second.retry());
  CHECK(second.granted());

  wait_for_event(third);
  REQUIRE(third.retry());
  CHECK(third.reason() == "needs 1 CPU, 0 of 4 free");
  CHECK_FALSE(any_event(third));
  CHECK(bench.entries() == 2);
}

TEST_CASE("a lease lasts as long as the last of its holders") {
  const Bench bench;
  std::optional<Lease> made = bench.lease(4);
  Fd copy(::fcntl(made->descriptor(), F_DUPFD_CLOEXEC, 3));
  std::optional<Lease> joined = *Lease::join(bench.folder, "quiet-otter-1", 0);
  REQUIRE(joined);
  CHECK(joined->granted());
  CHECK_FALSE(*Lease::join(bench.folder, "quiet-otter-2", 0));
  Lease waiting = bench.lease(1);
  made.reset();
  CHECK_FALSE(any_event(waiting));
  copy.reset();
  CHECK_FALSE(any_event(waiting));
  CHECK(bench.entries() == 2);
  joined.reset();
  wait_for_event(waiting);
  CHECK_FALSE(*Lease::join(bench.folder, "quiet-otter-1", 0));
}

TEST_CASE("waiting leases survive the loss of the ledger's file") {
  const Bench bench;
  std::optional<Lease> first = bench.lease(4);
  Lease second = bench.lease(1);
  REQUIRE(write_file_atomically(bench.folder / "ledger.json", "{", Durable::no));
  first.reset();
  wait_for_event(second);
  REQUIRE(second.retry());
  CHECK(second.granted());
}

TEST_CASE("processes that are killed at any moment leave nothing reserved") {
  const Bench bench;
  std::mt19937 chance(7);
  for (int round = 0; round < 15; ++round) {
    // Holders and waiters, killed while some of them are at the ledger.
    std::vector<pid_t> children;
    for (int i = 0; i < 5; ++i) {
      const pid_t child = ::fork();
      REQUIRE(child >= 0);
      if (child == 0) {
        for (;;) {
          Entry entry;
          entry.demand.cpu = 1 + static_cast<std::uint64_t>(i) % 4;
          (void)Lease::make(bench.folder, std::move(entry), {4, 0});
        }
      }
      children.push_back(child);
    }
    for (int i = 0; i < 10; ++i) {
      Lease own = bench.lease(4, "own");
      while (!own.granted()) {
        wait_for_event(own);
        REQUIRE(own.retry());
      }
      for (const Entry& entry : read_leases(bench.folder).entries)
        CHECK((entry.run == "own" || !entry.granted));
    }
    std::shuffle(children.begin(), children.end(), chance);
    for (const pid_t child : children)
      ::kill(child, SIGKILL);
    for (const pid_t child : children)
      ::waitpid(child, nullptr, 0);
    CHECK(bench.entries() == 0);
    CHECK(bench.lease(4).granted());
  }
}

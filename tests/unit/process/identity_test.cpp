#include "dstack/process/identity.hpp"

#include "dstack/process/spawn.hpp"
#include "support/catch.hpp"
#include "support/wait.hpp"

#include <algorithm>

#include <signal.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::process;

TEST_CASE("a process is found again by its identity") {
  const auto self = identity_of(::getpid());
  REQUIRE(self);
  CHECK(parse_identity(render(*self)) == self);
  CHECK(open_process(*self));
}

TEST_CASE("another process with the same number is not taken for it") {
  auto self = *identity_of(::getpid());
  self.start += 1;
  CHECK_FALSE(open_process(self));
  self = *identity_of(::getpid());
  self.boot = "another boot";
  CHECK_FALSE(open_process(self));
}

TEST_CASE("a process that has ended has no identity") {
  auto child = spawn({{"true"}, {}, "", {}, Group::same});
  REQUIRE(child);
  const pid_t pid = child->pid();
  child->wait();
  CHECK_FALSE(identity_of(pid).has_value());
}

TEST_CASE("processes are found by their environment and by their parents") {
  auto pipe = make_pipe();
  REQUIRE(pipe);
  auto child = spawn({{"sh", "-c", "sleep 1000 & echo; wait"},
                      std::vector<std::string>{"PATH=/usr/bin:/bin",
                                               "DSTACK_TEST_MARK=" + std::to_string(::getpid())},
                      "",
                      {{1, pipe->write_end.get()}},
                      Group::own_group});
  REQUIRE(child);
  char byte = 0;
  REQUIRE(read_some(pipe->read_end.get(), &byte, 1).value() == 1);

  // A process that is being replaced by another program has no environment for a moment.
  std::vector<pid_t> marked;
  test::wait_until([&] {
    marked = with_environment("DSTACK_TEST_MARK", std::to_string(::getpid()));
    return marked.size() == 2;
  });
  const auto family = descendants(::getpid());

  CHECK(marked.size() == 2);
  CHECK(family.size() == 2);
  CHECK(std::find(marked.begin(), marked.end(), child->pid()) != marked.end());
  ::kill(-child->pid(), 9);
  child->wait();
}

// Does in plan() what the property `what` says; all through the C++ layer.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include <sys/wait.h>
#include <unistd.h>

#include <dstack/provider.hpp>

namespace {

dstack::Job good_job() {
  dstack::Job job;
  job.argv = {"true"};
  return job;
}

void throw_something(const std::string& what) {
  if (what == "throws")
    throw std::out_of_range("index 7 of 3");
  if (what == "throws an int")
    throw 7;
  if (what == "refuses a property")
    throw dstack::PropertyError("what", "'what' is not to be had", "take another");
  if (what == "refuses the workflow")
    throw dstack::Error("not on a Sunday", "try on Monday");
}

void end_the_process(const std::string& what) {
  if (what == "crashes")
    std::raise(SIGSEGV);
  if (what == "aborts")
    std::abort();
  if (what == "exits")
    std::exit(3);
  if (what == "exits well")
    ::_exit(0);
  if (what == "closes everything")
    for (int fd = 0; fd < 64; ++fd)
      ::close(fd);
}

[[noreturn]] void wait_for_ever() {
  for (;;)
    ::pause();
}

void hang(const std::string& what) {
  if (what == "hangs")
    wait_for_ever();
  if (what == "hangs in a group of its own") {
    ::setpgid(0, 0);
    wait_for_ever();
  }
  if (what == "leaves a child that hangs" && ::fork() == 0)
    wait_for_ever();
}

void print(const std::string& what) {
  if (what == "prints")
    std::puts("a provider that is fond of printing");
  if (what == "writes to every descriptor")
    for (int fd = 3; fd < 16; ++fd)
      if (::write(fd, "nonsense", 8) < 0)
        continue;
}

class Misbehaves : public dstack::Provider {
  std::vector<dstack::Job> plan(const dstack::Workflow& workflow) override {
    const std::string what = workflow.text("what");
    throw_something(what);
    end_the_process(what);
    hang(what);
    print(what);
    if (what == "reports two problems") {
      workflow.report(dstack::PropertyError("what", "the first"));
      workflow.report(dstack::Error("the second", "a hint"));
    }
    if (what == "asks for another type")
      (void)workflow.integer("what");
    dstack::Job job = good_job();
    if (what == "no command")
      job.argv.clear();
    if (what == "leaves the project")
      job.artifacts = {"../../etc"};
    if (what == "invalid UTF-8")
      job.argv.emplace_back("\xc3\x28");
    if (what == "no job")
      return {};
    return {job};
  }
};

}  // namespace

DSTACK_PROVIDER(Misbehaves)

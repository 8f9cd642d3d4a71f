#include "dstack/run/supervisor/serving_runners.hpp"

#include "dstack/run/protocol/descriptor_message.hpp"
#include "dstack/run/protocol/order_socket.hpp"

#include <algorithm>

namespace dstack::run {

namespace {

/// Of the number of any job.
constexpr std::size_t most_digits = 6;

/// With room for the names of the jobs that come later.
std::string argument(const std::string& run, std::size_t job) {
  std::string name = job_of_runner(run, job);
  name.resize(std::max(name.size(), run.size() + 1 + most_digits), ' ');
  return name;
}

/// It finds its first order waiting.
Result<ServingRunner> start(const std::string& run, std::size_t job, int order, int lock) {
  DSTACK_TRY(auto ends, make_message_socket());
  DSTACK_CHECK(give_order(ends.first.get(), order, lock));
  process::Command command;
  command.argv = {"dstack", runner_role, argument(run, job)};
  command.program = process::own_program;
  command.descriptors = {{0, ends.second.get()}};
  command.group = process::Group::own_session;
  command.signals = process::Signals::blocked;  // a stop may come before it can read one
  DSTACK_TRY(auto child, process::spawn(command));
  return ServingRunner{std::move(child), std::move(ends.first)};
}

}  // namespace

Result<ServingRunner> IdleRunners::carry_out(std::size_t job, int order, int lock) {
  while (!runners_.empty()) {
    ServingRunner runner = std::move(runners_.back());
    runners_.pop_back();
    if (give_order(runner.socket.get(), order, lock))
      return runner;
    runner.socket.reset();
    runner.child.wait();
  }
  return start(run_, job, order, lock);
}

std::vector<int> IdleRunners::watched() const {
  std::vector<int> all;
  all.reserve(runners_.size());
  for (const ServingRunner& runner : runners_)
    all.push_back(runner.socket.get());
  return all;
}

void IdleRunners::drop_ended() {
  std::erase_if(runners_, [](ServingRunner& runner) {
    if (take_state(runner.socket.get()) != RunnerState::gone)
      return false;
    runner.child.wait();
    return true;
  });
}

}  // namespace dstack::run

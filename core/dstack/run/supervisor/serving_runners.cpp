#include "dstack/run/supervisor/serving_runners.hpp"

#include "dstack/run/protocol/descriptor_message.hpp"
#include "dstack/run/protocol/order_socket.hpp"

namespace dstack::run {

namespace {

/// It finds its first order waiting.
Result<ServingRunner> start(const std::string& run, int order, int lock) {
  DSTACK_TRY(auto ends, make_message_socket());
  DSTACK_CHECK(give_order(ends.first.get(), order, lock));
  process::Command command;
  command.argv = {"dstack", "exec", run};
  command.program = process::own_program;
  command.descriptors = {{0, ends.second.get()}};
  command.group = process::Group::own_session;
  command.signals = process::Signals::blocked;  // a stop may come before it can read one
  DSTACK_TRY(auto child, process::spawn(command));
  return ServingRunner{std::move(child), std::move(ends.first)};
}

}  // namespace

Result<ServingRunner> IdleRunners::carry_out(int order, int lock) {
  while (!runners_.empty()) {
    ServingRunner runner = std::move(runners_.back());
    runners_.pop_back();
    if (give_order(runner.socket.get(), order, lock))
      return runner;
    runner.socket.reset();
    runner.child.wait();
  }
  return start(run_, order, lock);
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

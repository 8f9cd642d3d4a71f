// Runners that carry out one plain order after the other (run/protocol/order_socket.hpp): most of
// what a job costs that does little is the start of its runner.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/process/spawn.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace dstack::run {

struct ServingRunner {
  process::Child child;
  Fd socket;  ///< readable when it is ready for another order, and when it ends
};

/// Those that have no order now. When this is destroyed they end. For one thread.
class IdleRunners {
 public:
  explicit IdleRunners(std::string run) : run_(std::move(run)) {}

  /// Has an idle one carry out an order, or starts one. Both descriptors stay the caller's.
  Result<ServingRunner> carry_out(std::size_t job, int order, int lock);

  /// One that is ready.
  void add(ServingRunner runner) { runners_.push_back(std::move(runner)); }

  /// Descriptors that become readable when one of them ends, as they do after a while.
  std::vector<int> watched() const;
  void drop_ended();

 private:
  std::string run_;
  std::vector<ServingRunner> runners_;
};

}  // namespace dstack::run

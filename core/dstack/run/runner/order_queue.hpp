// Where a runner that carries out one plain order after the other gets them from.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/run/protocol/order_socket.hpp"
#include "dstack/run/runner/runner_signals.hpp"

#include <optional>
#include <utility>

namespace dstack::run {

class OrderQueue {
 public:
  /// `signals` must outlive it.
  OrderQueue(Fd socket, const RunnerSignals& signals)
      : socket_(std::move(socket)), signals_(signals) {}

  /// Waits for one. Nothing when the supervisor has none any more, is gone, or has sent none for a
  /// while, and when a signal came that can only mean this process. An error: its order cannot be
  /// read.
  Result<std::optional<GivenOrder>> next() const;

  /// For the next one. False when nobody would send it.
  bool say_ready() const { return run::say_ready(socket_.get()); }

 private:
  Fd socket_;
  const RunnerSignals& signals_;
};

}  // namespace dstack::run

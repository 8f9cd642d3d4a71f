// Waiting for the end of a run, or of a part of it, without its output.
#pragma once

#include "dstack/run/client/selection.hpp"
#include "follow/signals.hpp"

#include <chrono>
#include <optional>

namespace dstack::cli {

/// Leaves when the part is over, at a signal, or when the time is over.
class Waiter final : public SignalledListener {
 public:
  using Clock = std::chrono::steady_clock;

  Waiter(Signals& signals,
         run::Selection part,
         std::optional<Clock::time_point> deadline = std::nullopt)
      : SignalledListener(signals), part_(std::move(part)), deadline_(deadline) {}

  void output(std::size_t, std::string_view) override {}

  void changed(const store::RunState& state, const std::vector<std::size_t>&) override;
  void tick() override;
  int next_tick() override;

  /// Whether it left because the time was over.
  bool timed_out() const { return timed_out_; }

 private:
  run::Selection part_;
  std::optional<Clock::time_point> deadline_;
  bool timed_out_ = false;
};

}  // namespace dstack::cli

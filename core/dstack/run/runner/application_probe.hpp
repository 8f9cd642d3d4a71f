// Whether an application answers: one question over HTTP to 127.0.0.1, asked again and again from a
// poll loop that never waits for it. Knows nothing of jobs.
#pragma once

#include "dstack/base/fd.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace dstack::run {

class ApplicationProbe {
 public:
  using Clock = std::chrono::steady_clock;

  /// Asks for `path`. With `Answer::good`, a status of 2xx or 3xx is wanted; with `Answer::any`,
  /// whatever comes back will do.
  enum class Answer { good, any };
  ApplicationProbe(std::uint16_t port, std::string path, Answer wanted);

  bool answered() const { return answered_; }

  /// What to poll for; the descriptor is -1 while there is nothing to poll for.
  int fd() const { return socket_.get(); }

  short events() const;

  /// When step() wants to be called even if nothing happens.
  Clock::time_point next_step() const { return next_step_; }

  /// Goes on with the question as far as it goes now. Call it when fd() is ready, and at
  /// next_step().
  void step(Clock::time_point now);

 private:
  enum class Stage { idle, connecting, sending, reading };

  void begin(Clock::time_point now);
  void send();
  void read();
  void judge();
  void give_up(Clock::time_point now);

  void fail() { failed_ = true; }

  std::uint16_t port_;
  std::string request_;
  Answer wanted_;
  Stage stage_ = Stage::idle;
  bool answered_ = false;
  bool failed_ = false;
  Fd socket_;
  std::size_t sent_ = 0;
  std::string reply_;
  Clock::time_point next_step_{};
};

}  // namespace dstack::run

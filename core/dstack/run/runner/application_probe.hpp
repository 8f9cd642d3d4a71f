// Whether an application answers: one question over HTTP to 127.0.0.1, asked again and again from a
// poll loop that never waits for it. Knows nothing of jobs. The first question opens libcurl, which
// costs 4 ms and 10 MB: of the runners, those of jobs with applications alone pay that.
#pragma once

#include "dstack/http/client.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace dstack::run {

class ApplicationProbe {
 public:
  using Clock = std::chrono::steady_clock;

  /// Asks for `path`. With `Answer::good`, a status of 2xx or 3xx is wanted; with `Answer::any`,
  /// whatever comes back will do.
  enum class Answer { good, any };
  ApplicationProbe(std::uint16_t port, const std::string& path, Answer wanted);

  bool answered() const { return answered_; }

  /// What to poll for; the descriptor is -1 while there is nothing to poll for.
  int fd() const;
  short events() const;

  /// When step() wants to be called even if nothing happens.
  Clock::time_point next_step() const;

  /// Goes on with the question as far as it goes now. Call it when fd() is ready, and at
  /// next_step().
  void step(Clock::time_point now);

 private:
  void begin(Clock::time_point now);

  http::Request request_;
  Answer wanted_;
  std::optional<http::Transfer> transfer_;  ///< while it is asked
  bool answered_ = false;
  bool complained_ = false;
  Clock::time_point next_question_{};
};

}  // namespace dstack::run

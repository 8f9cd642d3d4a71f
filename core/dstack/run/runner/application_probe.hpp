// Whether an application answers: an HTTP request to 127.0.0.1, repeated from a poll loop that
// never waits for it. Knows nothing of jobs. The first request opens libcurl, which costs 4 ms and
// 10 MB: only runners of jobs with applications pay that.
#pragma once

#include "dstack/http/client.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace dstack::run {

class ApplicationProbe {
 public:
  using Clock = std::chrono::steady_clock;

  /// Asks for the path of `url`, which is one of this machine; of https the certificate does not
  /// matter, as it is another host's. With `Answer::good`, a status of 2xx or 3xx is wanted; with
  /// `Answer::any`, any response will do.
  enum class Answer { good, any };
  ApplicationProbe(const std::string& url, Answer wanted);

  bool answered() const { return answered_; }

  /// What to poll for; the descriptor is -1 while there is nothing to poll for.
  int fd() const;
  short events() const;

  /// When step() must be called even if nothing happens.
  Clock::time_point next_step() const;

  /// Whether step() would begin a request now.
  bool wants_to_ask(Clock::time_point now) const {
    return !answered_ && !transfer_ && now >= next_request_;
  }

  /// Does not begin one yet: nobody is to be asked now.
  void put_off(Clock::time_point now);
  /// Asks again: what answered is not there any more.
  void forget(Clock::time_point now);

  /// Goes on with the request as far as it goes now. Call it when fd() is ready, and at
  /// next_step().
  void step(Clock::time_point now);

 private:
  void begin(Clock::time_point now);

  http::Request request_;
  Answer wanted_;
  std::optional<http::Transfer> transfer_;  ///< while a request is under way
  bool answered_ = false;
  bool problem_logged_ = false;
  Clock::time_point next_request_{};
};

}  // namespace dstack::run

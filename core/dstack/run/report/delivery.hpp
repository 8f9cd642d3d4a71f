// One attempt to notify a receiver of a run's end. Blocks until its outcome is known, at most for
// the receiver's timeout; any number of threads may do so at once.
#pragma once

#include "dstack/base/time.hpp"
#include "dstack/config/settings/on_end.hpp"
#include "dstack/files/home.hpp"
#include "dstack/http/client.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace dstack::run {

/// What a receiver gets.
struct Notification {
  files::Home home;
  std::string run;
  std::string project;
  std::string status;
  std::string id;    ///< the same in each attempt: a receiver may get it more than once
  std::string body;  ///< the run as JSON
};

struct Attempt {
  enum class Outcome {
    delivered,
    failed,    ///< the next one may succeed
    hopeless,  ///< no other attempt will succeed either
  };

  Outcome outcome = Outcome::delivered;
  std::string reason = {};                   ///< of a failure, for people; without secrets
  std::chrono::milliseconds retry_after{0};  ///< requested by the receiver; 0: none
};

Attempt deliver(const config::Receiver& receiver, const Notification& notification);

/// The two kinds of it.
Attempt run_command(const config::Receiver& receiver, const Notification& notification);
Attempt post_webhook(const config::Receiver& receiver, const Notification& notification);

/// The variable that marks a command and everything it starts; its value is the notification's id.
inline constexpr const char* notification_variable = "DSTACK_NOTIFICATION";

/// The result of an attempt, from the response of a webhook that came at `at`.
Attempt judge(const http::Response& response, Timestamp at);
/// How long a response asks to wait: seconds, or an HTTP date.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view text, Timestamp at);

/// The first line of a text that is not blank, truncated if long.
std::string first_line(std::string_view text);
/// The last one.
std::string last_line(std::string_view text);

}  // namespace dstack::run

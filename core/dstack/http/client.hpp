// HTTP requests over TCP or a Unix socket: blocking, or carried on by a poll loop; one connection
// each, bodies as they come. No cookies, no cache, no retries. libcurl does the work, in a library
// that is opened with the first request and stays open.
#pragma once

#include "dstack/base/error.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dstack::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// An HTTP status that reports a failure is not an error: check `status`.
struct Response {
  int status = 0;
  Headers headers;       ///< of the last answer, when redirects were followed; names in lower case
  std::string body;      ///< empty when on_body took it
  bool complete = true;  ///< false: on_body ended it

  /// The first header of that name (in lower case), or "".
  std::string header(std::string_view name) const;
};

struct Request {
  std::string method = "GET";
  std::string url;          ///< http:// or https://; with a socket its host is only a name
  std::string unix_socket;  ///< path; empty: TCP, through the proxy of the environment
  Headers headers;
  std::string body;  ///< sent when it is not empty, or the method is POST or PUT
  /// 0: no limit. `idle` is the time without a byte in either direction, in whole seconds.
  std::chrono::milliseconds connect{10'000};
  std::chrono::milliseconds total{0};
  std::chrono::milliseconds idle{0};
  int most_redirects = 0;
  /// What does not begin as HTTP is taken for a body, with the status 0, instead of an error.
  bool any_bytes = false;
  /// Of https: the server's certificate is not checked. For this machine's own addresses only.
  bool any_certificate = false;
  /// Of Response::body; a longer one ends the request with an error. What on_body takes has no
  /// limit.
  std::size_t longest_body = std::size_t{4} << 20U;
  /// Takes the body piece by piece as it comes, also of a response that reports a failure; false
  /// ends the request. The answer has its status and headers by then.
  std::function<bool(const Response&, std::string_view)> on_body = {};
  /// The status and the headers have come; false ends the request.
  std::function<bool(const Response&)> on_head = {};
};

/// Sends it and waits for the end of the answer. For any thread; several at a time may run.
/// ErrorCode::unavailable when there is no response: nobody listens, a timeout, a broken
/// connection, or the library is missing. The message names the URL without its query.
Result<Response> send(const Request& request);

/// A request that its owner carries on from a poll loop. Of one thread; destroying it ends the
/// request. Of hosts whose name has to be looked up a thread of the library does that.
class Transfer {
 public:
  using Clock = std::chrono::steady_clock;

  /// Asks nobody yet: step() does. Fails where send() would for lack of the library.
  static Result<Transfer> start(Request request);
  Transfer(Transfer&&) noexcept;
  Transfer& operator=(Transfer&&) noexcept;
  ~Transfer();

  /// To poll for POLLIN; the same as long as it lives.
  int fd() const;
  /// When step() wants to be called even if fd() is not readable; at once to begin with.
  std::optional<Clock::time_point> next_step() const;
  /// Goes on as far as it goes without waiting. What send() would have returned, when it is over:
  /// then the last call.
  std::optional<Result<Response>> step(Clock::time_point now);

 private:
  struct State;
  explicit Transfer(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

/// `text` with everything but letters, digits and `-._~` as %XX: for one part of a path, or a
/// value in a query.
std::string encode(std::string_view text);

}  // namespace dstack::http

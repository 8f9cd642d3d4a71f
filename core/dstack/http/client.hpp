// HTTP requests over TCP or a Unix socket: blocking, one connection each, bodies as they come.
// No cookies, no cache, no retries. libcurl does the work, in a library that is opened with the
// first request and stays open.
#pragma once

#include "dstack/base/error.hpp"

#include <chrono>
#include <functional>
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

/// `text` with everything but letters, digits and `-._~` as %XX: for one part of a path, or a
/// value in a query.
std::string encode(std::string_view text);

}  // namespace dstack::http

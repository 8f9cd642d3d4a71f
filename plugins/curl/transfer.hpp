// One request and its answer, by libcurl. Redirects and retries are left to the download.
#pragma once

#include "address.hpp"

#include <cstdint>
#include <ctime>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <curl/curl.h>

namespace curl {

struct Request {
  Address address;
  std::vector<std::string> headers;  ///< "Name: value"
  std::uint64_t offset = 0;          ///< the first byte to request
  std::string
      validator;  ///< with an offset: an ETag or a date; if the file changed, all of it is sent
};

struct Response {
  int status = 0;      ///< 0: no answer
  std::string reason;  ///< "Not Found"; empty if the server sends none
  std::string etag;
  std::string last_modified;
  std::string content_type;
  std::optional<std::uint64_t> length;       ///< of this answer's body
  std::optional<std::uint64_t> range_first;  ///< of 206: where it begins,
  std::optional<std::uint64_t> range_total;  ///< and, also of 416, the length of the whole
  std::time_t date = -1;                     ///< by the server's clock; -1: it does not say
  std::uint64_t retry_after = 0;             ///< seconds, also where the server names a date
  std::string location;  ///< where it redirects to, absolute; known when the answer is complete
};

struct Outcome {
  Response response;
  CURLcode code = CURLE_OK;
  std::string problem;  ///< why the request failed
  int proxy_status =
      0;  ///< why a proxy does not connect to the server; 0: it does, or there is none
  bool cancelled = false;
  std::string peer_ip;    ///< of whom the connection led to: the server, or a proxy,
  std::string peer_port;  ///< and its port
};

class Transfer {
 public:
  Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer();

  /// Gets a piece of the body; an exception ends the request and is thrown by perform(). False ends
  /// it, too.
  using Sink = std::function<bool(const Response&, std::string_view)>;
  /// Called several times a second, with what is known of the answer; false ends the request.
  using Tick = std::function<bool(const Response&)>;

  Outcome perform(const Request& request, const Sink& sink, const Tick& tick);

 private:
  struct Running;

  void set_up(const Request& request, Running& running);
  CURLcode drive(const Tick& tick, Running& running);
  static std::size_t take_header(char* data, std::size_t, std::size_t size, void* running);
  static std::size_t take_body(char* data, std::size_t, std::size_t size, void* running);

  CURLM* multi_;
  CURL* easy_;
};

}  // namespace curl

#include "transfer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <ctime>

namespace curl {

namespace {

constexpr long connect_timeout = 30;  // seconds
constexpr long stall_timeout = 60;
constexpr int tick_ms = 100;
constexpr long largest_buffer = 512 * 1024;

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos)
    return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

bool same_word(std::string_view a, std::string_view b) {
  return curl_strnequal(a.data(), b.data(), std::max(a.size(), b.size())) != 0 &&
         a.size() == b.size();
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value)
                                                                  : std::nullopt;
}

/// "HTTP/1.1 404 Not Found" begins an answer, after those of a proxy and 100-continue.
void begin_answer(std::string_view line, Response& response) {
  response = {};
  const std::size_t code = line.find(' ');
  if (code == std::string_view::npos)
    return;
  response.status = static_cast<int>(number(line.substr(code + 1, 3)).value_or(0));
  if (line.size() > code + 4)
    response.reason = trim(line.substr(code + 4));
}

/// "bytes 100-199/200", of 416 "bytes */200".
void read_range(std::string_view value, Response& response) {
  const std::size_t dash = value.find('-');
  const std::size_t slash = value.find('/');
  if (!value.starts_with("bytes ") || slash == std::string_view::npos)
    return;
  if (dash != std::string_view::npos)
    response.range_first = number(value.substr(6, dash - 6));
  response.range_total = number(value.substr(slash + 1));
}

std::time_t read_date(std::string_view value) {
  return curl_getdate(std::string(value).c_str(), nullptr);
}

/// "120", or a date, which has passed where the result is 0. The clock of this machine may be
/// wrong: it is only asked where the server has not said before what its own says.
std::uint64_t read_wait(std::string_view value, std::time_t date) {
  if (const auto seconds = number(value))
    return *seconds;
  const std::time_t now = date >= 0 ? date : std::time(nullptr);
  const std::time_t until = read_date(value);
  return until > now ? static_cast<std::uint64_t>(until - now) : 0;
}

void read_header(std::string_view line, Response& response) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos)
    return;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trim(line.substr(colon + 1));
  if (same_word(name, "ETag"))
    response.etag = value;
  else if (same_word(name, "Last-Modified"))
    response.last_modified = value;
  else if (same_word(name, "Date"))
    response.date = read_date(value);
  else if (same_word(name, "Content-Length"))
    response.length = number(value);
  else if (same_word(name, "Content-Range"))
    read_range(value, response);
  else if (same_word(name, "Retry-After"))
    response.retry_after = read_wait(value, response.date);
  else if (same_word(name, "Content-Type"))
    response.content_type = value;
}

/// libcurl reads the proxies of the environment itself, but not these.
void take_certificates_of_environment(CURL* easy) {
  for (const char* name : {"SSL_CERT_FILE", "CURL_CA_BUNDLE"})
    if (const char* file = std::getenv(name); file != nullptr && *file != '\0')
      curl_easy_setopt(easy, CURLOPT_CAINFO, file);
  if (const char* folder = std::getenv("SSL_CERT_DIR"); folder != nullptr && *folder != '\0')
    curl_easy_setopt(easy, CURLOPT_CAPATH, folder);
}

}  // namespace

/// State for the callbacks of one request.
struct Transfer::Running {
  const Sink& sink;
  Response response;
  std::exception_ptr thrown;
  curl_slist* headers = nullptr;
  std::array<char, CURL_ERROR_SIZE> problem{};
  bool cancelled = false;
};

Transfer::Transfer() {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  multi_ = curl_multi_init();
  easy_ = curl_easy_init();
  if (multi_ == nullptr || easy_ == nullptr)
    throw dstack::Error("cannot initialize libcurl");
}

Transfer::~Transfer() {
  curl_easy_cleanup(easy_);
  curl_multi_cleanup(multi_);
}

std::size_t Transfer::take_header(char* data, std::size_t, std::size_t size, void* running) {
  Response& response = static_cast<Running*>(running)->response;
  const std::string_view line(data, size);
  if (line.starts_with("HTTP/"))
    begin_answer(line, response);
  else
    read_header(line, response);
  return size;
}

std::size_t Transfer::take_body(char* data, std::size_t, std::size_t size, void* running) {
  Running& self = *static_cast<Running*>(running);
  try {
    return self.sink(self.response, std::string_view(data, size)) ? size : 0;
  } catch (...) {
    self.thrown = std::current_exception();
    return 0;
  }
}

void Transfer::set_up(const Request& request, Running& running) {
  curl_easy_reset(easy_);  // connections are kept
  const auto set = [this](CURLoption option, auto value) {
    curl_easy_setopt(easy_, option, value);
  };
  set(CURLOPT_URL, request.address.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_USERAGENT, "dstack-curl/0.1");
  set(CURLOPT_BUFFERSIZE, largest_buffer);
  set(CURLOPT_CONNECTTIMEOUT, connect_timeout);
  set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(CURLOPT_LOW_SPEED_TIME, stall_timeout);
  set(CURLOPT_ERRORBUFFER, running.problem.data());
  set(CURLOPT_HEADERFUNCTION, &Transfer::take_header);
  set(CURLOPT_HEADERDATA, &running);
  set(CURLOPT_WRITEFUNCTION, &Transfer::take_body);
  set(CURLOPT_WRITEDATA, &running);
  take_certificates_of_environment(easy_);
  if (!request.address.user.empty() || !request.address.password.empty()) {
    set(CURLOPT_USERNAME, request.address.user.c_str());
    set(CURLOPT_PASSWORD, request.address.password.c_str());
  }
  for (const std::string& header : request.headers)
    running.headers = curl_slist_append(running.headers, header.c_str());
  if (request.offset > 0) {
    // Not CURLOPT_RESUME_FROM: it treats an answer from the start as an error.
    set(CURLOPT_RANGE, (std::to_string(request.offset) + "-").c_str());
    running.headers =
        curl_slist_append(running.headers, ("If-Range: " + request.validator).c_str());
  }
  set(CURLOPT_HTTPHEADER, running.headers);
}

CURLcode Transfer::drive(const Tick& tick, Running& running) {
  for (;;) {
    int active = 0;
    curl_multi_perform(multi_, &active);
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left))
      if (message->msg == CURLMSG_DONE)
        return message->data.result;
    if (!tick(running.response)) {
      running.cancelled = true;
      return CURLE_ABORTED_BY_CALLBACK;
    }
    curl_multi_poll(multi_, nullptr, 0, tick_ms, nullptr);
  }
}

Outcome Transfer::perform(const Request& request, const Sink& sink, const Tick& tick) {
  Running running{sink, {}, {}, nullptr, {}, false};
  set_up(request, running);
  curl_multi_add_handle(multi_, easy_);
  Outcome outcome;
  outcome.code = drive(tick, running);
  const char* location = nullptr;
  if (curl_easy_getinfo(easy_, CURLINFO_REDIRECT_URL, &location) == CURLE_OK && location != nullptr)
    running.response.location = location;
  curl_multi_remove_handle(multi_, easy_);
  curl_slist_free_all(running.headers);
  if (running.thrown)
    std::rethrow_exception(running.thrown);
  outcome.response = std::move(running.response);
  outcome.cancelled = running.cancelled;
  long proxy_status = 0;
  curl_easy_getinfo(easy_, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
  outcome.proxy_status = proxy_status / 100 == 2 ? 0 : static_cast<int>(proxy_status);
  const char* peer = nullptr;
  if (curl_easy_getinfo(easy_, CURLINFO_PRIMARY_IP, &peer) == CURLE_OK && peer != nullptr)
    outcome.peer_ip = peer;
  long port = 0;
  curl_easy_getinfo(easy_, CURLINFO_PRIMARY_PORT, &port);
  outcome.peer_port = std::to_string(port);
  outcome.problem =
      running.problem.front() != '\0' ? running.problem.data() : curl_easy_strerror(outcome.code);
  return outcome;
}

}  // namespace curl

#include "dstack/http/client.hpp"

#include "dstack/base/file.hpp"
#include "dstack/base/installation.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/http/module.h"

#include <boost/dll/shared_library.hpp>

#include <cstring>

namespace dstack::http {

namespace {

Result<const dstack_http_functions*> open_module() {
  const Path path = library_folder() / "libdstack_http.so";
  boost::system::error_code error;
  const auto mode = boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local;
  // Never unloaded, as threads may be executing its code.
  static auto& library = *new boost::dll::shared_library(path, error, mode);
  if (error || !library.is_loaded() || !library.has(DSTACK_HTTP))
    return fail(ErrorCode::unavailable, "'{}' cannot be loaded: {}", path.string(), error.message())
        .with_hint("it belongs to dstack, and needs libcurl: reinstall dstack and libcurl4");
  return library.get<dstack_http_function>(DSTACK_HTTP)();
}

Result<const dstack_http_functions*> module() {
  static const auto opened = open_module();
  return opened;
}

constexpr std::size_t longest_head = 256 << 10;

/// A request on its way, as the module's functions see it: they keep pointers into it.
struct Sending {
  explicit Sending(const Request& its_request);
  Sending(const Sending&) = delete;
  Sending& operator=(const Sending&) = delete;

  const Request& request;
  std::vector<std::string> lines;
  std::vector<const char*> headers;  ///< of `lines`
  dstack_http_request plain = {};
  Response response;
  bool head_told = false;
  std::size_t head_size = 0;  ///< bytes of all heads that have come
  std::string too_long;       ///< what was, and its limit

  bool take_header(std::string_view line) {
    head_size += line.size();
    if (head_size > longest_head)
      return refuse("its head is", longest_head);
    if (line.starts_with("HTTP/")) {  // of each answer on the way: redirects, "100 Continue"
      response = {};
      const std::size_t space = line.find(' ');
      if (space != std::string_view::npos)
        response.status = parse_number<int>(line.substr(space + 1, 3)).value_or(0);
      return true;
    }
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos) {
      response.headers.emplace_back(to_lower(trim(line.substr(0, colon))),
                                    trim(line.substr(colon + 1)));
      return true;
    }
    const bool redirect = request.most_redirects > 0 && response.status >= 300 &&
                          response.status < 400 && !response.header("location").empty();
    if (!trim(line).empty() || response.status < 200 || redirect || head_told)
      return true;
    head_told = true;
    return !request.on_head || request.on_head(response);
  }

  bool take_body(std::string_view bytes) {
    if (request.on_body)
      return request.on_body(response, bytes);
    if (bytes.size() > request.longest_body - response.body.size())
      return refuse("it is", request.longest_body);
    response.body.append(bytes);
    return true;
  }

 private:
  bool refuse(const std::string& subject, std::size_t limit) {
    too_long = fmt::format("{} longer than {}", subject, render_size(limit));
    return false;
  }
};

int on_header(void* context, const char* line, std::size_t size) {
  return static_cast<Sending*>(context)->take_header({line, size}) ? 0 : 1;
}

int on_body(void* context, const char* bytes, std::size_t size) {
  return static_cast<Sending*>(context)->take_body({bytes, size}) ? 0 : 1;
}

std::string shown(const Request& request) {
  const std::string url = request.url.substr(0, request.url.find('?'));
  return request.unix_socket.empty() ? "'" + url + "'" : "'" + request.unix_socket + "'";
}

Failure failure_of(const Request& request, const dstack_http_answer& answer) {
  const std::string reason = answer.os_error != 0 ? std::strerror(answer.os_error)
                                                  : static_cast<const char*>(answer.message);
  switch (answer.outcome) {
    case DSTACK_HTTP_UNREACHABLE:
      return fail(ErrorCode::unavailable, "{} cannot be reached: {}", shown(request), reason);
    case DSTACK_HTTP_TOO_LATE:
      return fail(ErrorCode::unavailable, "{} did not answer in time: {}", shown(request), reason);
    case DSTACK_HTTP_IMPOSSIBLE:
      return fail(ErrorCode::usage, "the request to {} is invalid: {}", shown(request), reason);
    default:
      return fail(
          ErrorCode::unavailable, "the response of {} broke off: {}", shown(request), reason);
  }
}

Sending::Sending(const Request& its_request) : request(its_request) {
  for (const auto& [name, value] : request.headers)
    lines.push_back(fmt::format("{}: {}", name, value));
  for (const std::string& line : lines)
    headers.push_back(line.c_str());
  const bool with_body =
      !request.body.empty() || request.method == "POST" || request.method == "PUT";
  plain.method = request.method.c_str();
  plain.url = request.url.c_str();
  plain.unix_socket = request.unix_socket.empty() ? nullptr : request.unix_socket.c_str();
  plain.headers = headers.data();
  plain.header_count = headers.size();
  plain.body = with_body ? request.body.data() : nullptr;
  plain.body_size = request.body.size();
  plain.connect_time = request.connect.count();
  plain.total_time = request.total.count();
  plain.idle_time = request.idle.count();
  plain.most_redirects = request.most_redirects;
  plain.any_bytes = request.any_bytes ? 1 : 0;
  plain.any_certificate = request.any_certificate ? 1 : 0;
  plain.context = this;
  plain.on_header = &on_header;
  plain.on_body = &on_body;
}

Result<Response> result_of(Sending& sending, const dstack_http_answer& answer) {
  if (!sending.too_long.empty())
    return fail(ErrorCode::unavailable,
                "the response of {} is rejected: {}",
                shown(sending.request),
                sending.too_long)
        .with_hint("check that this is the address of the right server");
  if (answer.outcome == DSTACK_HTTP_ENDED_BY_SENDER)
    sending.response.complete = false;
  else if (answer.outcome != DSTACK_HTTP_ANSWERED)
    return failure_of(sending.request, answer);
  sending.response.status = answer.status;
  return std::move(sending.response);
}

}  // namespace

std::string Response::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name)
      return value;
  return {};
}

Result<Response> send(const Request& request) {
  DSTACK_TRY(const auto* const functions, module());
  Sending sending(request);
  dstack_http_answer answer = {};
  functions->send(&sending.plain, &answer);
  return result_of(sending, answer);
}

struct Transfer::State {
  State(Request its_request, const dstack_http_functions& its_functions)
      : request(std::move(its_request)), functions(its_functions), sending(request) {}

  State(const State&) = delete;
  State& operator=(const State&) = delete;

  ~State() {
    if (transfer != nullptr)
      functions.stop(transfer);
  }

  const Request request;
  const dstack_http_functions& functions;
  Sending sending;
  dstack_http_transfer* transfer = nullptr;
  std::optional<Clock::time_point> next_step = Clock::time_point{};
};

Transfer::Transfer(std::unique_ptr<State> state) : state_(std::move(state)) {}

Transfer::Transfer(Transfer&&) noexcept = default;
Transfer& Transfer::operator=(Transfer&&) noexcept = default;
Transfer::~Transfer() = default;

Result<Transfer> Transfer::start(Request request) {
  DSTACK_TRY(const auto* const functions, module());
  auto state = std::make_unique<State>(std::move(request), *functions);
  state->transfer = functions->start(&state->sending.plain);
  if (state->transfer == nullptr)
    return fail(ErrorCode::unavailable,
                "{} cannot be asked: no descriptor or no memory is left",
                shown(state->request));
  return Transfer(std::move(state));
}

int Transfer::fd() const {
  return state_->functions.descriptor(state_->transfer);
}

std::optional<Transfer::Clock::time_point> Transfer::next_step() const {
  return state_->next_step;
}

std::optional<Result<Response>> Transfer::step(Clock::time_point now) {
  dstack_http_answer answer = {};
  std::int64_t wait = -1;
  if (state_->functions.step(state_->transfer, &answer, &wait) != 0)
    return result_of(state_->sending, answer);
  state_->next_step.reset();
  if (wait >= 0)
    state_->next_step = now + std::chrono::milliseconds(wait);
  return std::nullopt;
}

std::string encode(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain)
      encoded += c;
    else
      encoded += {'%', digits[byte >> 4U], digits[byte & 15U]};
  }
  return encoded;
}

}  // namespace dstack::http

// The end of a run, posted to a webhook. Secrets are looked up for each attempt, and are nowhere
// but in the request.
#include "dstack/base/text.hpp"
#include "dstack/config/project/secret_reference.hpp"
#include "dstack/http/client.hpp"
#include "dstack/run/report/delivery.hpp"
#include "dstack/secrets/crypto.hpp"
#include "dstack/secrets/masker.hpp"
#include "dstack/secrets/vault.hpp"

#include <algorithm>
#include <map>

#include <time.h>

namespace dstack::run {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds longest_connect{10'000};
constexpr std::size_t longest_answer = 4096;  ///< bytes that are read of it

/// The values of the secrets that a receiver refers to, for as long as a request takes.
class Values {
 public:
  static Result<Values> look_up(const config::Receiver& receiver,
                                const Notification& notification) {
    Values values;
    std::vector<std::string> names = config::secrets_in(receiver.webhook);
    for (const auto& [header, text] : receiver.headers)
      for (std::string& name : config::secrets_in(text))
        names.push_back(std::move(name));
    if (names.empty())
      return values;
    DSTACK_TRY(const auto vault, secrets::Vault::open(notification.home.secrets()));
    for (const std::string& name : names) {
      DSTACK_TRY(auto value, vault.find(notification.project, name));
      if (!value)
        return fail(ErrorCode::not_found, "secret '{}' no longer exists", name)
            .with_hint("'dstack secrets add --user {}' adds it", name);
      values.by_name_[name] = *std::move(value);
    }
    return values;
  }

  Values(Values&&) = default;

  ~Values() {
    for (auto& [name, value] : by_name_)
      secrets::wipe(value);
  }

  std::string put_into(std::string_view text) const {
    return config::with_secrets(text, [this](const std::string& name) {
      const auto found = by_name_.find(name);
      return found == by_name_.end() ? std::nullopt : std::optional(found->second);
    });
  }

  std::string masked(std::string_view text) const {
    std::vector<std::string> values;
    for (const auto& [name, value] : by_name_)
      values.push_back(value);
    return secrets::Needles(values).masked(text);
  }

 private:
  Values() = default;

  std::map<std::string, std::string> by_name_;
};

void set_header(http::Headers& headers, const std::string& name, std::string value) {
  const auto known = std::find_if(headers.begin(), headers.end(), [&](const auto& header) {
    return to_lower(header.first) == to_lower(name);
  });
  if (known == headers.end())
    headers.emplace_back(name, std::move(value));
  else
    known->second = std::move(value);
}

/// ErrorCode::usage: a value that a header cannot have.
Result<http::Headers> headers_for(const config::Receiver& receiver,
                                  const Notification& notification,
                                  const Values& values) {
  http::Headers headers = {{"Content-Type", "application/json"},
                           {"User-Agent", "dstack"},
                           {"Idempotency-Key", notification.id}};
  for (const auto& [name, text] : receiver.headers) {
    std::string value = values.put_into(text);
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
      return fail(ErrorCode::usage, "header '{}' would have several lines", name)
          .with_hint("a secret in a header must have only one line");
    set_header(headers, name, std::move(value));
  }
  return headers;
}

/// Messages of http name the URL without its query, and even that may be secret.
std::string without_url(std::string text, const std::string& url) {
  const std::string shown = "'" + url.substr(0, url.find('?')) + "'";
  if (const std::size_t at = text.find(shown); at != std::string::npos)
    text.replace(at, shown.size(), "the address");
  return text;
}

Attempt attempt_of(const Error& error) {
  const bool hopeless = error.code == ErrorCode::usage || error.code == ErrorCode::not_found;
  return {hopeless ? Attempt::Outcome::hopeless : Attempt::Outcome::failed, render(error)};
}

Result<http::Request> make_request(const config::Receiver& receiver,
                                   const Notification& notification,
                                   const Values& values) {
  http::Request request;
  request.method = "POST";
  request.url = values.put_into(receiver.webhook);
  DSTACK_TRY(request.headers, headers_for(receiver, notification, values));
  request.body = notification.body;
  request.connect = std::min(longest_connect, receiver.timeout);
  request.total = receiver.timeout;
  return request;
}

/// "Sun, 06 Nov 1994 08:49:37 GMT".
std::optional<Timestamp> parse_http_date(std::string_view text) {
  tm date{};
  const std::string copy(trim(text));
  const char* end = ::strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  if (end == nullptr || *end != '\0')
    return std::nullopt;
  return Timestamp(std::chrono::seconds(::timegm(&date)));
}

}  // namespace

Attempt post_webhook(const config::Receiver& receiver, const Notification& notification) {
  const auto values = Values::look_up(receiver, notification);
  if (!values)
    return attempt_of(values.error());
  auto request = make_request(receiver, notification, *values);
  if (!request)
    return attempt_of(request.error());
  std::string said;
  request->on_body = [&](const http::Response&, std::string_view bytes) {
    said += bytes.substr(0, longest_answer - said.size());
    return said.size() < longest_answer;
  };
  auto response = http::send(*request);
  if (response)
    response->body = values->masked(said);
  Attempt attempt = response ? judge(*response, now()) : attempt_of(response.error());
  attempt.reason = values->masked(without_url(std::move(attempt.reason), request->url));
  return attempt;
}

Attempt judge(const http::Response& response, Timestamp at) {
  const int status = response.status;
  if (status >= 200 && status < 300)
    return {};
  Attempt attempt;
  attempt.outcome = status == 408 || status == 429 || status >= 500 ? Attempt::Outcome::failed
                                                                    : Attempt::Outcome::hopeless;
  // The receiver's own clock: this machine's may be wrong.
  const Timestamp answered = parse_http_date(response.header("date")).value_or(at);
  attempt.retry_after =
      parse_retry_after(response.header("retry-after"), answered).value_or(milliseconds(0));
  attempt.reason = fmt::format("HTTP {}", status);
  if (status >= 300 && status < 400)
    attempt.reason += ": redirects are not followed; use the address that it redirects to";
  else if (const std::string said = first_line(response.body); !said.empty())
    attempt.reason += fmt::format(": {}", said);
  return attempt;
}

std::optional<milliseconds> parse_retry_after(std::string_view text, Timestamp at) {
  constexpr std::int64_t longest = 1'000'000;  // seconds: longer waits are not reasonable
  if (const auto seconds = parse_number<std::uint32_t>(trim(text)))
    return std::chrono::seconds(std::min<std::int64_t>(*seconds, longest));
  const auto until = parse_http_date(text);
  if (!until)
    return std::nullopt;
  return std::clamp<milliseconds>(*until - at, milliseconds(0), std::chrono::seconds(longest));
}

}  // namespace dstack::run

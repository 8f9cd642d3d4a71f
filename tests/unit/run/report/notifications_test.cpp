#include "dstack/run/report/notifications.hpp"

#include "dstack/job/status.hpp"
#include "dstack/run/report/delivery.hpp"
#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::run;
using namespace std::chrono_literals;
using Outcome = Attempt::Outcome;

namespace {

Attempt judged(int status, std::string body = {}, http::Headers headers = {}) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  response.headers = std::move(headers);
  return judge(response, Timestamp());
}

}  // namespace

TEST_CASE("waits become four times longer each time, up to five minutes") {
  CHECK(wait_after(1, 2s, 0ms) == 2s);
  CHECK(wait_after(2, 2s, 0ms) == 8s);
  CHECK(wait_after(4, 2s, 0ms) == 128s);
  CHECK(wait_after(5, 2s, 0ms) == 300s);
  CHECK(wait_after(100, 2s, 0ms) == 300s);
  CHECK(wait_after(100, 0s, 0ms) == 0s);
}

TEST_CASE("a receiver's retry-after makes a wait longer, never shorter, and never endless") {
  CHECK(wait_after(1, 2s, 30s) == 30s);
  CHECK(wait_after(3, 2s, 1s) == 32s);
  CHECK(wait_after(1, 2s, 24h) == 300s);
}

TEST_CASE("a retry-after is a number of seconds or a date") {
  const Timestamp at = *parse_time("1994-11-06T08:49:00Z");
  CHECK(parse_retry_after("120", at) == 120s);
  CHECK(parse_retry_after(" 0 ", at) == 0s);
  CHECK(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", at) == 37s);
  CHECK(parse_retry_after("Sun, 06 Nov 1994 08:48:37 GMT", at) == 0s);
  CHECK(parse_retry_after("4294967295", at) > 1h);
  for (const char* wrong :
       {"", "soon", "-1", "1.5", "Sun, 06 Nov 1994 08:49:37 GMT!", "1994-11-06"})
    CHECK_FALSE(parse_retry_after(wrong, at));
}

TEST_CASE("a response decides whether another attempt makes sense") {
  for (const int status : {200, 201, 204, 299})
    CHECK(judged(status).outcome == Outcome::delivered);
  for (const int status : {408, 429, 500, 502, 503, 599})
    CHECK(judged(status).outcome == Outcome::failed);
  for (const int status : {301, 302, 307, 400, 401, 403, 404, 410, 422})
    CHECK(judged(status).outcome == Outcome::hopeless);
  CHECK(judged(503, {}, {{"retry-after", "7"}}).retry_after == 7s);
  CHECK(judged(503).retry_after == 0s);
}

TEST_CASE("a date of a retry-after is compared with the clock of the receiver") {
  CHECK(judged(503,
               {},
               {{"date", "Sun, 06 Nov 1994 08:49:00 GMT"},
                {"retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"}})
            .retry_after == 37s);
}

TEST_CASE("a failure names the status and the first line of the response") {
  CHECK(judged(404).reason == "HTTP 404");
  CHECK(judged(400, "\n  no such channel \nmore").reason == "HTTP 400: no such channel");
  CHECK(judged(302, "Moved").reason.find("redirects are not followed") != std::string::npos);
  CHECK(judged(500, std::string(1000, 'x')).reason.size() < 250);
  CHECK(first_line(std::string(199, 'x') + "\xC3\xA4") == std::string(199, 'x'));
  CHECK(last_line("a\nb\n \n") == "b");
  CHECK(last_line("") == "");
}

TEST_CASE("what is left of a wait is neither negative nor more than all of it") {
  const Timestamp tried = *parse_time("2026-11-24T10:00:00Z");
  store::NotificationRecord record;
  CHECK(time_left(record, tried) == 0ms);
  record.tried_at = tried;
  record.next_at = tried + 8s;
  CHECK(time_left(record, tried + 3s) == 5s);
  CHECK(time_left(record, tried + std::chrono::years(1)) == 0ms);
  CHECK(time_left(record, tried - std::chrono::years(1)) == 8s);
  // Set during the attempt itself.
  record.next_at = tried + std::chrono::years(1);
  CHECK(time_left(record, tried) == 5min);
  record.next_at = tried - std::chrono::years(1);
  CHECK(time_left(record, tried - std::chrono::years(1)) == 0ms);
}

TEST_CASE("receivers are notified of the ends that they choose") {
  std::vector<config::Receiver> receivers(3);
  receivers[0].command = {"all"};
  receivers[1].command = {"failures"};
  receivers[1].when = {"failed", "aborted"};
  receivers[2].webhook = "https://example.com/x";
  receivers[2].when = {"done"};
  const auto numbers = [&](job::Status status) {
    std::vector<std::size_t> all;
    for (const auto& notification : notifications_for(receivers, status))
      all.push_back(notification.number);
    return all;
  };
  CHECK(numbers(job::Status::done) == std::vector<std::size_t>{0, 2});
  CHECK(numbers(job::Status::failed) == std::vector<std::size_t>{0, 1});
  CHECK(numbers(job::Status::aborted) == std::vector<std::size_t>{0, 1});
  CHECK(numbers(job::Status::stopped) == std::vector<std::size_t>{0});
  const auto notifications = notifications_for(receivers, job::Status::done);
  CHECK(notifications[0].id != notifications[1].id);
  CHECK(notifications[1].receiver == "webhook https://example.com");
}

TEST_CASE("receivers with equal names are distinguished by their position") {
  std::vector<config::Receiver> receivers(3);
  receivers[0].webhook = "https://example.com/x";
  receivers[1].webhook = "https://example.org/x";
  receivers[2].webhook = "https://example.com/y";
  const auto notifications = notifications_for(receivers, job::Status::done);
  CHECK(notifications[0].receiver == "webhook https://example.com (number 1 of on_end)");
  CHECK(notifications[1].receiver == "webhook https://example.org");
  CHECK(notifications[2].receiver == "webhook https://example.com (number 3 of on_end)");
}

#include "dstack/run/runner/application_probe.hpp"

#include "dstack/base/log.hpp"

#include <poll.h>

namespace dstack::run {

namespace {

constexpr std::chrono::milliseconds between_requests{100};
/// An application that does not answer a request is asked again after this.
constexpr std::chrono::seconds patience{5};

http::Request make_request(const std::string& url) {
  http::Request request;
  request.url = url;
  request.any_server = true;
  request.headers = {{"User-Agent", "dstack"}, {"Connection", "close"}};
  request.connect = patience;
  request.total = patience;
  // The head is enough, and so is any byte of a body without one.
  request.on_head = [](const http::Response&) { return false; };
  request.on_body = [](const http::Response&, std::string_view) { return false; };
  return request;
}

}  // namespace

ApplicationProbe::ApplicationProbe(const std::string& url, Answer wanted)
    : request_(make_request(url)), wanted_(wanted) {
  request_.any_bytes = wanted == Answer::any;
}

int ApplicationProbe::fd() const {
  return transfer_ ? transfer_->fd() : -1;
}

short ApplicationProbe::events() const {
  return POLLIN;
}

ApplicationProbe::Clock::time_point ApplicationProbe::next_step() const {
  return transfer_ ? transfer_->next_step().value_or(next_request_ + patience) : next_request_;
}

void ApplicationProbe::put_off(Clock::time_point now) {
  next_request_ = now + between_requests;
}

void ApplicationProbe::forget(Clock::time_point now) {
  answered_ = false;
  put_off(now);
}

void ApplicationProbe::step(Clock::time_point now) {
  if (wants_to_ask(now))
    begin(now);
  if (!transfer_)
    return;
  const auto over = transfer_->step(now);
  if (!over)
    return;
  transfer_.reset();
  next_request_ = now + between_requests;
  // A connection without a byte is a failure: container engines accept connections to ports at
  // which nothing listens.
  answered_ =
      *over && (wanted_ == Answer::any || ((*over)->status >= 200 && (*over)->status < 400));
}

void ApplicationProbe::begin(Clock::time_point now) {
  next_request_ = now + between_requests;
  if (auto transfer = http::Transfer::start(request_))
    transfer_ = *std::move(transfer);
  else if (!std::exchange(problem_logged_, true))
    log::warning(render(transfer.error()));
}

}  // namespace dstack::run

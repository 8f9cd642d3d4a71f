#include "dstack/run/runner/application_probe.hpp"

#include "dstack/base/text.hpp"

#include <array>
#include <cerrno>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

namespace dstack::run {

namespace {

constexpr std::chrono::milliseconds between_questions{100};
/// One that has taken the question and says nothing is asked again after this.
constexpr std::chrono::seconds patience{5};
constexpr std::size_t longest_status_line = 256;

/// The number in "HTTP/1.1 200 OK"; nothing when it is no such line.
std::optional<int> status_of(std::string_view reply) {
  if (!reply.starts_with("HTTP/"))
    return std::nullopt;
  const auto words = split(reply.substr(0, reply.find('\r')), ' ');
  return words.size() < 2 ? std::nullopt : parse_number<int>(words[1]);
}

}  // namespace

ApplicationProbe::ApplicationProbe(std::uint16_t port, std::string path, Answer wanted)
    : port_(port),
      request_(fmt::format("GET {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUser-Agent: dstack\r\nAccept: "
                           "*/*\r\nConnection: close\r\n\r\n",
                           path,
                           port)),
      wanted_(wanted) {}

short ApplicationProbe::events() const {
  switch (stage_) {
    case Stage::connecting:
    case Stage::sending:
      return POLLOUT;
    case Stage::reading:
      return POLLIN;
    case Stage::idle:
      break;
  }
  return 0;
}

void ApplicationProbe::step(Clock::time_point now) {
  if (answered_)
    return;
  failed_ = stage_ != Stage::idle && now >= next_step_;
  if (stage_ == Stage::idle && now >= next_step_)
    begin(now);
  if (!failed_ && (stage_ == Stage::connecting || stage_ == Stage::sending))
    send();
  if (!failed_ && stage_ == Stage::reading)
    read();
  if (failed_ && !answered_)
    give_up(now);
}

void ApplicationProbe::begin(Clock::time_point now) {
  next_step_ = now + patience;
  sent_ = 0;
  reply_.clear();
  socket_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  stage_ = Stage::connecting;
  if (!socket_ ||
      (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
       errno != EINPROGRESS))
    fail();
}

void ApplicationProbe::send() {
  if (stage_ == Stage::connecting) {
    pollfd polled{socket_.get(), POLLOUT, 0};
    if (::poll(&polled, 1, 0) <= 0)
      return;
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
      return fail();
    stage_ = Stage::sending;
  }
  while (sent_ < request_.size()) {
    const ssize_t count =
        ::send(socket_.get(), request_.data() + sent_, request_.size() - sent_, MSG_NOSIGNAL);
    if (count < 0)
      return errno == EAGAIN || errno == EINTR ? void() : fail();
    sent_ += static_cast<std::size_t>(count);
  }
  stage_ = Stage::reading;
}

void ApplicationProbe::read() {
  std::array<char, longest_status_line> buffer;
  for (;;) {
    const ssize_t count = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (count < 0)
      return errno == EAGAIN || errno == EINTR ? void() : fail();
    if (count == 0)
      return fail();  // a door without anybody behind it, as engines of containers hold open
    reply_.append(buffer.data(), static_cast<std::size_t>(count));
    if (wanted_ == Answer::any || reply_.find('\n') != std::string::npos ||
        reply_.size() >= longest_status_line)
      return judge();
  }
}

void ApplicationProbe::judge() {
  const auto status = status_of(reply_);
  answered_ = wanted_ == Answer::any || (status && *status >= 200 && *status < 400);
  if (!answered_)
    return fail();
  socket_.reset();
  stage_ = Stage::idle;
}

void ApplicationProbe::give_up(Clock::time_point now) {
  socket_.reset();
  stage_ = Stage::idle;
  next_step_ = now + between_questions;
}

}  // namespace dstack::run

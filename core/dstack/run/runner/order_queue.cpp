#include "dstack/run/runner/order_queue.hpp"

#include <array>

#include <poll.h>
#include <sys/socket.h>

namespace dstack::run {

namespace {

/// A run may go on for days after the last of its plain jobs.
constexpr int most_idle_ms = 1000;

}  // namespace

Result<std::optional<GivenOrder>> OrderQueue::next() const {
  std::array<pollfd, 2> polled = {pollfd{socket_.get(), POLLIN, 0},
                                  pollfd{signals_.fd(), POLLIN, 0}};
  ::poll(polled.data(), polled.size(), most_idle_ms);
  // From here on none is accepted. One that was just sent is there, and is carried out.
  if (polled[0].revents == 0)
    ::shutdown(socket_.get(), SHUT_RD);
  return take_given_order(socket_.get());
}

}  // namespace dstack::run

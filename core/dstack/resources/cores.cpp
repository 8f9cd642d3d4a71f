#include "dstack/resources/cores.hpp"

#include <cstddef>
#include <cstdio>
#include <optional>

#include <sys/socket.h>
#include <sys/un.h>

namespace dstack::resources {

namespace {

/// An abstract socket: the kernel gives it up with its last holder. Empty: somebody has it.
Fd hold(int core) {
  Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // An empty first byte: a name that is not a file.
  const int length =
      std::snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "dstack-core-%d", core);
  const std::size_t size = offsetof(sockaddr_un, sun_path) + 1 + static_cast<std::size_t>(length);
  if (!socket || ::bind(socket.get(),
                        reinterpret_cast<const sockaddr*>(&address),
                        static_cast<socklen_t>(size)) != 0)
    return {};
  return socket;
}

/// The cores of this process; nothing on a machine with more than a cpu_set_t holds.
std::optional<cpu_set_t> own_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (::sched_getaffinity(0, sizeof cores, &cores) != 0)
    return std::nullopt;
  return cores;
}

}  // namespace

Cores Cores::take(std::size_t count) {
  Cores taken;
  const auto own = own_cores();
  if (!own || count == 0)
    return taken;
  for (int core = 0; core < CPU_SETSIZE && taken.numbers_.size() < count; ++core) {
    if (!CPU_ISSET(static_cast<std::size_t>(core), &*own))
      continue;
    if (Fd held = hold(core)) {
      taken.numbers_.push_back(core);
      taken.holds_.push_back(std::move(held));
    }
  }
  if (taken.numbers_.size() < count)
    taken.release();
  return taken;
}

void Cores::enter() {
  const auto own = own_cores();
  if (!own || numbers_.empty())
    return;
  before_ = *own;
  cpu_set_t cores;
  CPU_ZERO(&cores);
  for (const int core : numbers_)
    CPU_SET(static_cast<std::size_t>(core), &cores);
  is_entered_ = ::sched_setaffinity(0, sizeof cores, &cores) == 0;
}

void Cores::leave() const {
  if (is_entered_)
    ::sched_setaffinity(0, sizeof before_, &before_);
}

void Cores::release() {
  numbers_.clear();
  holds_.clear();
}

}  // namespace dstack::resources

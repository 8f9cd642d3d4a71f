#include "dstack/run/runner/port_owners.hpp"

#include "dstack/base/file.hpp"
#include "dstack/base/log.hpp"
#include "dstack/base/text.hpp"
#include "dstack/base/user.hpp"
#include "dstack/process/descriptors.hpp"
#include "dstack/process/identity.hpp"

#include <algorithm>
#include <cerrno>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace dstack::run {

namespace {

std::string name_of(const process::Listener& listener) {
  return fmt::format("socket:[{}]", listener.inode);
}

bool takes_loopback(const process::Listener& listener) {
  return listener.takes_ipv4_loopback() || listener.takes_ipv6_loopback();
}

/// With the process, where it may be seen.
std::string describe(const process::Listener& listener) {
  const auto name = user_name(listener.user);
  std::string text = name ? fmt::format("user '{}'", *name) : fmt::format("user {}", listener.user);
  const auto holders = process::with_open(name_of(listener));
  if (holders.empty())
    return text;
  text += fmt::format(" (process {}", holders.front());
  if (const auto program = read_kernel_file(fmt::format("/proc/{}/comm", holders.front())))
    text += fmt::format(", '{}'", printable(trim(*program)));
  return text + ")";
}

}  // namespace

std::string describe_stranger(std::uint16_t port, const PortOwner& owner) {
  return fmt::format("port {} is the job's, but {} listens there", port, owner.stranger);
}

PortOwners PortOwners::of(const JobOrder& order) {
  PortOwners owners;
  if (order.ports.empty())
    return owners;
  owners.ports_ = order.ports;
  owners.job_ = order.id;
  owners.user_ = ::geteuid();
  owners.is_container_ = order.spec.container.has_value();
  if (auto sockets = process::SocketTable::open())
    owners.sockets_ = *std::move(sockets);
  else
    log::warning(render(sockets.error()));
  return owners;
}

std::optional<PortOwner> PortOwners::look(std::uint16_t port) const {
  if (!sockets_)
    return std::nullopt;
  const auto listeners = sockets_->listeners(port);
  if (!listeners)
    return std::nullopt;
  PortOwner owner;
  for (const process::Listener& listener : *listeners) {
    if (!takes_loopback(listener))
      continue;
    if (auto stranger = stranger_at(listener)) {
      owner.kind = PortOwner::Kind::stranger;
      owner.stranger = *std::move(stranger);
      return owner;
    }
    owner.has_ipv6 = owner.has_ipv6 || listener.takes_ipv6_loopback();
    if (!listener.takes_ipv4_loopback())
      continue;
    owner.kind = PortOwner::Kind::job;
    owner.listener = listener.inode;
  }
  return owner;
}

std::string PortOwners::taken() const {
  if (!sockets_)
    return {};
  for (const std::uint16_t port : ports_) {
    const auto listeners = sockets_->listeners(port);
    if (!listeners)
      return {};
    const auto found = std::find_if(listeners->begin(), listeners->end(), takes_loopback);
    if (found != listeners->end() && (!is_container_ || stranger_at(*found)))
      return describe_stranger(port, {PortOwner::Kind::stranger, 0, false, describe(*found)});
  }
  return {};
}

std::optional<std::string> PortOwners::stranger_at(const process::Listener& listener) const {
  const bool is_own = listener.user == user_;
  if (is_container_ && (is_own || listener.user == 0))
    return std::nullopt;
  if (has_socket(listener))
    return std::nullopt;
  if (is_own && process::with_open(name_of(listener)).empty())
    return std::nullopt;
  return describe(listener);
}

bool PortOwners::has_socket(const process::Listener& listener) const {
  const std::string name = name_of(listener);
  const auto has = [&](pid_t process) { return process::has_open(process, name); };
  const auto below = process::descendants(::getpid());
  if (std::any_of(below.begin(), below.end(), has))
    return true;
  if (listener.user != user_)
    return false;
  const auto others = process::with_environment("JOB_ID", job_);
  return std::any_of(others.begin(), others.end(), has);
}

Result<Fd> keep_ipv6_port(std::uint16_t port) {
  Fd socket(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket)
    return Fd();
  const int yes = 1;
  ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  address.sin6_addr = in6addr_loopback;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return socket;
  if (errno == EADDRINUSE)
    return fail(ErrorCode::unavailable, "another program has port {} of ::1", port);
  return Fd();
}

}  // namespace dstack::run

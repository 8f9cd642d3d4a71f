#include "dstack/run/supervisor/ports.hpp"

#include "dstack/base/text.hpp"
#include "dstack/process/sock_diag.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <random>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace dstack::run {

namespace {

constexpr std::size_t ports_in_all = last_port - first_port + 1;
/// The same for all users, who share the ports.
constexpr const char* name_prefix = "dstack-port-";

template <typename Address>
int bind_to(const Fd& socket, const Address& address, std::size_t size) {
  return ::bind(
      socket.get(), reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size));
}

/// Nothing when it is reserved already.
Result<std::optional<Fd>> reserve(std::uint16_t port) {
  Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket)
    return fail_errno("cannot make a socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // An empty first byte: a name that is not a file.
  const int length = std::snprintf(
      address.sun_path + 1, sizeof address.sun_path - 1, "%s%u", name_prefix, unsigned{port});
  const std::size_t size = offsetof(sockaddr_un, sun_path) + 1 + static_cast<std::size_t>(length);
  if (bind_to(socket, address, size) == 0)
    return std::optional(std::move(socket));
  if (errno == EADDRINUSE)
    return std::optional<Fd>();
  return fail_errno("cannot reserve port {}", port);
}

/// Whether a program could listen there now, at any address of the machine. Without SO_REUSEADDR,
/// so a port counts as used while connections of an earlier program still linger.
bool can_listen(std::uint16_t port) {
  if (const Fd both(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)); both) {
    const int no = 0;
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_port = htons(port);
    if (::setsockopt(both.get(), IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) == 0) {
      if (bind_to(both, any, sizeof any) == 0)
        return true;
      if (errno == EADDRINUSE)
        return false;
    }
  }
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_port = htons(port);
  return socket && bind_to(socket, any, sizeof any) == 0;
}

std::size_t anywhere() {
  std::random_device random;
  return std::uniform_int_distribution<std::size_t>(0, ports_in_all - 1)(random);
}

/// Where the kernel does not count them, nothing is refused.
Result<void> check_share(std::size_t count) {
  const auto reserved = process::count_abstract_sockets(name_prefix, ::geteuid());
  if (!reserved || *reserved + count <= ports_of_each_user)
    return {};
  return fail(ErrorCode::unavailable,
              "{} wanted, but your jobs have {} already, of the {} that each user may have",
              plural(count, "port"),
              *reserved,
              ports_of_each_user)
      .with_hint("stop runs that are not needed any more: 'dstack ps' lists them");
}

}  // namespace

Result<std::optional<Port>> reserve_port(std::uint16_t number) {
  DSTACK_TRY(auto reservation, reserve(number));
  if (!reservation || !can_listen(number))
    return std::optional<Port>();
  return std::optional(Port{number, *std::move(reservation)});
}

Result<std::vector<Port>> reserve_ports(std::size_t count) {
  std::vector<Port> ports;
  if (count == 0)
    return ports;
  DSTACK_CHECK(check_share(count));
  const std::size_t start = anywhere();
  for (std::size_t i = 0; i < ports_in_all && ports.size() < count; ++i) {
    const auto number = static_cast<std::uint16_t>(first_port + (start + i) % ports_in_all);
    DSTACK_TRY(auto port, reserve_port(number));
    if (port)
      ports.push_back(*std::move(port));
  }
  if (ports.size() < count)
    return fail(ErrorCode::unavailable,
                "{} wanted, but only {} free between {} and {}",
                plural(count, "port"),
                ports.size(),
                first_port,
                last_port)
        .with_hint("end programs that use them: `ss -ltnp` lists these");
  return ports;
}

std::vector<std::uint16_t> numbers_of(const std::vector<Port>& ports) {
  std::vector<std::uint16_t> numbers;
  for (const Port& port : ports)
    numbers.push_back(port.number);
  return numbers;
}

}  // namespace dstack::run

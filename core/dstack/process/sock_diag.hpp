// Who listens at a port of this machine, as the kernel tells it (sock_diag(7)): the user and the
// inode of each socket, also of other users, for whom /proc shows no more.
#pragma once

#include "dstack/base/error.hpp"
#include "dstack/base/fd.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <sys/types.h>

namespace dstack::process {

/// A socket in the state LISTEN.
struct Listener {
  std::array<std::uint8_t, 16> address{};  ///< of IPv4 as ::ffff:a.b.c.d
  uid_t user = 0;                          ///< who made the socket
  std::uint64_t inode = 0;                 ///< /proc/PID/fd of those that have it: "socket:[17]"

  /// Whether it may get what is sent to 127.0.0.1, to ::1. One at `::` counts for both.
  bool takes_ipv4_loopback() const;
  bool takes_ipv6_loopback() const;
};

/// Asks the kernel about the sockets of the network namespace in which it was opened, with the
/// numbers of users as they are in the user namespace of that moment. For one thread.
class SocketTable {
 public:
  static Result<SocketTable> open();

  /// Those at this port, at any address, of IPv4 and of IPv6. An error where the kernel does not
  /// say it.
  Result<std::vector<Listener>> listeners(std::uint16_t port) const;

 private:
  explicit SocketTable(Fd socket) : socket_(std::move(socket)) {}

  Fd socket_;
};

/// How many sockets with abstract names that begin with this text there are, of this user; all of
/// them where the kernel (before 5.3) does not say whose they are.
Result<std::size_t> count_abstract_sockets(std::string_view beginning, uid_t user);

}  // namespace dstack::process

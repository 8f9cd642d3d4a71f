#include "dstack/process/sock_diag.hpp"

#include "dstack/process/descriptors.hpp"
#include "support/catch.hpp"

#include <cstring>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::process;

namespace {

/// At a free port of these addresses.
template <typename Address>
std::pair<Fd, std::uint16_t> bound(int family, Address address) {
  Fd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  socklen_t size = sizeof address;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0)
    return {};
  REQUIRE(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  std::uint16_t port = 0;
  std::memcpy(&port, reinterpret_cast<const char*>(&address) + 2, sizeof port);
  return {std::move(socket), ntohs(port)};
}

std::pair<Fd, std::uint16_t> at_ipv4(std::uint32_t host) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(host);
  return bound(AF_INET, address);
}

std::pair<Fd, std::uint16_t> at_ipv6(const in6_addr& host) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = host;
  return bound(AF_INET6, address);
}

std::uint64_t inode_of(const Fd& socket) {
  struct stat status {};

  REQUIRE(::fstat(socket.get(), &status) == 0);
  return status.st_ino;
}

}  // namespace

TEST_CASE("the listener at a port is found with its user, its inode and its address") {
  const auto table = SocketTable::open();
  REQUIRE(table);
  for (const std::uint32_t host : {INADDR_LOOPBACK, INADDR_ANY}) {
    const auto [socket, port] = at_ipv4(host);
    CHECK(table->listeners(port).value().empty());  // bound is not listening
    REQUIRE(::listen(socket.get(), 1) == 0);

    const auto found = table->listeners(port).value();

    REQUIRE(found.size() == 1);
    CHECK(found[0].user == ::geteuid());
    CHECK(found[0].inode == inode_of(socket));
    CHECK(found[0].takes_ipv4_loopback());
    CHECK_FALSE(found[0].takes_ipv6_loopback());
    CHECK(has_open(::getpid(), fmt::format("socket:[{}]", found[0].inode)));
  }
}

TEST_CASE("a listener of IPv6 is found, and one for all addresses takes both") {
  const auto table = SocketTable::open();
  REQUIRE(table);
  const auto [own, own_port] = at_ipv6(in6addr_loopback);
  if (!own)
    SKIP("no IPv6 here");
  REQUIRE(::listen(own.get(), 1) == 0);
  const auto loopback = table->listeners(own_port).value();
  REQUIRE(loopback.size() == 1);
  CHECK(loopback[0].takes_ipv6_loopback());
  CHECK_FALSE(loopback[0].takes_ipv4_loopback());

  const auto [any, any_port] = at_ipv6(in6addr_any);
  REQUIRE(::listen(any.get(), 1) == 0);
  const auto both = table->listeners(any_port).value();
  REQUIRE(both.size() == 1);
  CHECK(both[0].takes_ipv6_loopback());
  CHECK(both[0].takes_ipv4_loopback());
}

TEST_CASE("another address of this machine is not the loopback") {
  const auto table = SocketTable::open();
  REQUIRE(table);
  const auto [socket, port] = at_ipv4(INADDR_LOOPBACK + 1);
  REQUIRE(socket);
  REQUIRE(::listen(socket.get(), 1) == 0);
  const auto found = table->listeners(port).value();
  REQUIRE(found.size() == 1);
  CHECK_FALSE(found[0].takes_ipv4_loopback());
}

TEST_CASE("abstract sockets are counted by the beginning of their names, and by user") {
  const std::string beginning = fmt::format("dstack-test-{}-", ::getpid());
  std::vector<Fd> sockets;
  for (const char* end : {"1", "2", "3"}) {
    sockets.emplace_back(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = beginning + end;
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    REQUIRE(::bind(sockets.back().get(),
                   reinterpret_cast<const sockaddr*>(&address),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size())) == 0);
  }
  CHECK(count_abstract_sockets(beginning, ::geteuid()).value() == 3);
  CHECK(count_abstract_sockets(beginning + "1", ::geteuid()).value() == 1);
  CHECK(count_abstract_sockets(beginning + "9", ::geteuid()).value() == 0);
  CHECK(count_abstract_sockets(beginning, ::geteuid() + 1).value() == 0);
}

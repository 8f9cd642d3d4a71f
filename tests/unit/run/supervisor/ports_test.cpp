#include "dstack/run/supervisor/ports.hpp"

#include "support/catch.hpp"

#include <set>
#include <thread>

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::run;

namespace {

/// A socket of a program that knows nothing of reservations, listening at this port.
Fd listen_at(std::uint16_t port) {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(socket.get(), 1) == 0);
  return socket;
}

}  // namespace

TEST_CASE("two that reserve ports at the same time never get the same one") {
  constexpr std::size_t takers = 8;
  constexpr std::size_t each = 40;
  std::vector<Result<std::vector<Port>>> taken(takers);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < takers; ++i)
      threads.emplace_back([&taken, i] { taken[i] = reserve_ports(each); });
  }
  std::set<std::uint16_t> all;
  for (const auto& ports : taken) {
    REQUIRE(ports);
    for (const std::uint16_t port : numbers_of(*ports)) {
      CHECK(port >= first_port);
      CHECK(port <= last_port);
      all.insert(port);
    }
  }
  CHECK(all.size() == takers * each);
}

TEST_CASE("a job without ports reserves none") {
  CHECK(reserve_ports(0).value().empty());
}

TEST_CASE("a reservation dies with its holder, however it ends") {
  auto pipe = make_pipe();
  REQUIRE(pipe);
  const pid_t holder = ::fork();
  REQUIRE(holder >= 0);
  if (holder == 0) {
    const auto ports = reserve_ports(1);
    const std::uint16_t number = ports ? ports->front().number : 0;
    (void)!::write(pipe->write_end.get(), &number, sizeof number);
    for (;;)
      ::pause();
  }
  std::uint16_t number = 0;
  REQUIRE(::read(pipe->read_end.get(), &number, sizeof number) ==
          static_cast<ssize_t>(sizeof number));
  CHECK_FALSE(reserve_port(number).value().has_value());

  ::kill(holder, SIGKILL);
  ::waitpid(holder, nullptr, 0);

  CHECK(reserve_port(number).value().has_value());
}

TEST_CASE("a port that a program listens at is not given to a job") {
  std::uint16_t number = 0;
  {
    const auto ports = reserve_ports(1);
    REQUIRE(ports);
    number = ports->front().number;
    const Fd socket = listen_at(number);  // the reservation itself is in nobody's way
  }
  const Fd socket = listen_at(number);
  CHECK_FALSE(reserve_port(number).value().has_value());
}

TEST_CASE("one user does not get more than a share of the ports") {
  const auto all = reserve_ports(ports_of_each_user + 1);
  REQUIRE_FALSE(all);
  CHECK(all.error().code == ErrorCode::unavailable);
  CHECK(all.error().message.find(fmt::format("{} ports wanted", ports_of_each_user + 1)) == 0);
  CHECK(all.error().message.find(fmt::format("of the {} that", ports_of_each_user)) !=
        std::string::npos);
}

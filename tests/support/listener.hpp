// A server that takes what it is sent, and never answers.
#pragma once

#include "dstack/base/fd.hpp"
#include "support/catch.hpp"

#include <array>
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace dstack::test {

class Listener {
 public:
  Listener() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const at = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(socket_.get(), at, size) == 0);
    REQUIRE(::listen(socket_.get(), 8) == 0);
    REQUIRE(::getsockname(socket_.get(), at, &size) == 0);
    port_ = ntohs(address.sin_port);
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }

  /// Waits until somebody has sent this text; it is left without an answer.
  void wait_for(const std::string& text) {
    std::string sent;
    while (sent.find(text) == std::string::npos) {
      connection_ = Fd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      REQUIRE(connection_);
      sent.clear();
      std::array<char, 4096> buffer;
      while (sent.find(text) == std::string::npos) {
        const ssize_t count = ::read(connection_.get(), buffer.data(), buffer.size());
        if (count <= 0)
          break;
        sent.append(buffer.data(), static_cast<std::size_t>(count));
      }
    }
  }

 private:
  Fd socket_;
  Fd connection_;
  std::uint16_t port_ = 0;
};

}  // namespace dstack::test

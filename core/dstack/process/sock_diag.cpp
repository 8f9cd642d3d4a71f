#include "dstack/process/sock_diag.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace dstack::process {

namespace {

constexpr std::size_t answer_size = 64 * 1024;
constexpr timeval patience{10, 0};

/// An attribute of newer kernels than the headers may be of: UDIAG_SHOW_UID, UNIX_DIAG_UID.
constexpr std::uint32_t show_uid = 0x40;
constexpr std::uint16_t uid_attribute = 7;

Result<Fd> open_sock_diag() {
  Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!socket)
    return fail_errno("cannot ask the kernel who listens at a port");
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return socket;
}

template <typename Body>
struct Message {
  nlmsghdr head{};
  Body body{};
};

template <typename Body>
Result<void> ask(const Fd& socket, Body body) {
  static std::uint32_t number = 0;
  Message<Body> message;
  message.head.nlmsg_len = sizeof message;
  message.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  message.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  message.head.nlmsg_seq = ++number;
  message.body = body;
  if (::send(socket.get(), &message, sizeof message, 0) < 0)
    return fail_errno("cannot ask the kernel who listens at a port");
  return {};
}

/// A value at the beginning of these bytes; zeros where they are too short.
template <typename Value>
Value value_of(std::string_view bytes) {
  Value value{};
  if (bytes.size() >= sizeof value)
    std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

/// What follows a part of this length: parts begin at multiples of four.
std::string_view after(std::string_view bytes, std::size_t length) {
  return bytes.substr(std::min(bytes.size(), (length + 3) & ~std::size_t{3}));
}

/// Gives the body of each part of the answer to `take`.
Result<void> read_answer(const Fd& socket, const std::function<void(std::string_view)>& take) {
  std::string buffer(answer_size, '\0');
  for (;;) {
    const ssize_t count = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return fail_errno("the kernel did not say who listens at a port");
    std::string_view left(buffer.data(), static_cast<std::size_t>(count));
    while (left.size() >= sizeof(nlmsghdr)) {
      const auto head = value_of<nlmsghdr>(left);
      if (head.nlmsg_len < sizeof head || head.nlmsg_len > left.size())
        break;
      const std::string_view body = left.substr(0, head.nlmsg_len).substr(sizeof head);
      if (head.nlmsg_type == NLMSG_DONE)
        return {};
      if (head.nlmsg_type == NLMSG_ERROR)
        return fail_errno_of(-value_of<nlmsgerr>(body).error,
                             "the kernel did not say who listens at a port");
      take(body);
      left = after(left, head.nlmsg_len);
    }
  }
}

/// A request for the sockets of a port alone: a machine may have thousands of others. The
/// conditions are small steps, each with how far to go on when it holds, and when it does not (more
/// than the length of all steps: no).
struct ListenersOfPort {
  inet_diag_req_v2 request{};
  rtattr attribute{};
  std::array<inet_diag_bc_op, 4> steps{};
};

ListenersOfPort listeners_of(int family, std::uint16_t port) {
  ListenersOfPort asked;
  asked.request.sdiag_family = static_cast<std::uint8_t>(family);
  asked.request.sdiag_protocol = IPPROTO_TCP;
  asked.request.idiag_states = 1U << TCP_LISTEN;
  asked.attribute.rta_type = INET_DIAG_REQ_BYTECODE;
  asked.attribute.rta_len = sizeof asked.attribute + sizeof asked.steps;
  constexpr std::uint8_t step = 2 * sizeof(inet_diag_bc_op);
  asked.steps = {{{INET_DIAG_BC_S_GE, step, 2 * step + 4},
                  {INET_DIAG_BC_NOP, 0, port},
                  {INET_DIAG_BC_S_LE, step, step + 4},
                  {INET_DIAG_BC_NOP, 0, port}}};
  return asked;
}

Listener listener_of(const inet_diag_msg& message) {
  Listener listener;
  if (message.idiag_family == AF_INET) {
    listener.address[10] = listener.address[11] = 0xff;
    std::memcpy(&listener.address[12], message.id.idiag_src, 4);
  } else {
    std::memcpy(listener.address.data(), message.id.idiag_src, 16);
  }
  listener.user = message.idiag_uid;
  listener.inode = message.idiag_inode;
  return listener;
}

constexpr std::array<std::uint8_t, 16> any_ipv6{};
constexpr std::array<std::uint8_t, 16> ipv6_loopback{
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
constexpr std::array<std::uint8_t, 16> any_ipv4{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::array<std::uint8_t, 16> ipv4_loopback{
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};

bool is_counted(std::string_view body, std::string_view beginning, uid_t user) {
  bool is_named = false;
  bool is_anothers = false;
  std::string_view left = after(body, sizeof(unix_diag_msg));
  while (left.size() >= sizeof(rtattr)) {
    const auto attribute = value_of<rtattr>(left);
    if (attribute.rta_len < sizeof attribute || attribute.rta_len > left.size())
      break;
    const std::string_view value = left.substr(0, attribute.rta_len).substr(sizeof attribute);
    if (attribute.rta_type == UNIX_DIAG_NAME)
      is_named =
          value.size() > 1 && value.front() == '\0' && value.substr(1).starts_with(beginning);
    if (attribute.rta_type == uid_attribute)
      is_anothers = value_of<uid_t>(value) != user;
    left = after(left, attribute.rta_len);
  }
  return is_named && !is_anothers;
}

}  // namespace

bool Listener::takes_ipv4_loopback() const {
  return address == ipv4_loopback || address == any_ipv4 || address == any_ipv6;
}

bool Listener::takes_ipv6_loopback() const {
  return address == ipv6_loopback || address == any_ipv6;
}

Result<SocketTable> SocketTable::open() {
  DSTACK_TRY(Fd socket, open_sock_diag());
  return SocketTable(std::move(socket));
}

Result<std::vector<Listener>> SocketTable::listeners(std::uint16_t port) const {
  std::vector<Listener> found;
  for (const int family : {AF_INET, AF_INET6}) {
    DSTACK_CHECK(ask(socket_, listeners_of(family, port)));
    DSTACK_CHECK(read_answer(socket_, [&](std::string_view body) {
      const auto socket = value_of<inet_diag_msg>(body);
      if (ntohs(socket.id.idiag_sport) == port)
        found.push_back(listener_of(socket));
    }));
  }
  return found;
}

Result<std::size_t> count_abstract_sockets(std::string_view beginning, uid_t user) {
  DSTACK_TRY(const Fd socket, open_sock_diag());
  unix_diag_req request{};
  request.sdiag_family = AF_UNIX;
  request.udiag_states = ~0U;
  request.udiag_show = UDIAG_SHOW_NAME | show_uid;
  DSTACK_CHECK(ask(socket, request));
  std::size_t count = 0;
  DSTACK_CHECK(read_answer(socket, [&](std::string_view body) {
    if (is_counted(body, beginning, user))
      ++count;
  }));
  return count;
}

}  // namespace dstack::process

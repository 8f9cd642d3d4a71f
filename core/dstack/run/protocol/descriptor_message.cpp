#include "dstack/run/protocol/descriptor_message.hpp"

#include "dstack/base/patience.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <sys/socket.h>

namespace dstack::run {

namespace {

/// One byte and room for the descriptors, as sendmsg(2) and recvmsg(2) take them.
class Message {
 public:
  explicit Message(std::size_t descriptors) {
    header.msg_iov = &bytes_;
    header.msg_iovlen = 1;
    header.msg_control = control_;
    header.msg_controllen = CMSG_SPACE(descriptors * sizeof(int));
  }

  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  msghdr header{};

 private:
  char word_ = 0;
  iovec bytes_{&word_, 1};

  alignas(cmsghdr) char control_[CMSG_SPACE(most_descriptors * sizeof(int))]{};
};

}  // namespace

Result<std::pair<Fd, Fd>> make_message_socket() {
  std::array<int, 2> ends;
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return fail_errno("cannot make a socket");
  return std::pair(Fd(ends[0]), Fd(ends[1]));
}

Result<void> send_descriptors(int socket, std::span<const int> descriptors) {
  Message message(descriptors.size());
  cmsghdr* header = CMSG_FIRSTHDR(&message.header);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
  std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
  ssize_t count = 0;
  do {
    count = ::sendmsg(socket, &message.header, MSG_NOSIGNAL);
  } while (count < 0 && errno == EINTR);
  if (count < 0)
    return fail_errno("cannot pass descriptors on");
  return {};
}

std::vector<Fd> receive_descriptors(int socket) {
  Message message(most_descriptors);
  // Whoever gets nothing takes the socket for closed. An end that is closed before it has read
  // everything resets the connection once, and what it has sent is there all the same.
  const ssize_t count =
      with_patience([&]() -> Result<ssize_t> {
        ssize_t size = 0;
        do {
          size = ::recvmsg(socket, &message.header, MSG_CMSG_CLOEXEC);
        } while (size < 0 && errno == ECONNRESET);
        return size >= 0 ? Result<ssize_t>(size) : fail_errno("cannot receive descriptors");
      }).value_or(-1);
  std::vector<Fd> received;
  const cmsghdr* header = count > 0 ? CMSG_FIRSTHDR(&message.header) : nullptr;
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS)
    return received;
  std::array<int, most_descriptors> numbers{};
  const std::size_t size = std::min(header->cmsg_len - CMSG_LEN(0), sizeof numbers);
  std::memcpy(numbers.data(), CMSG_DATA(header), size);
  for (std::size_t i = 0; i < size / sizeof(int); ++i)
    received.emplace_back(numbers[i]);
  return received;
}

}  // namespace dstack::run

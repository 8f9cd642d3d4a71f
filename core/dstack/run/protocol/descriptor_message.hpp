// Descriptors that go from one process to another through a socket of type SOCK_SEQPACKET.
#pragma once

#include "dstack/base/fd.hpp"

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace dstack::run {

/// The most that one message carries.
inline constexpr std::size_t most_descriptors = 2;

/// Both ends. What is sent stays sent when its sender dies, and is closed with a receiver that dies
/// before it has taken it.
Result<std::pair<Fd, Fd>> make_message_socket();

/// One message. Never blocks for long: a socket takes more messages than there ever are. An error
/// when the other end is closed, or takes no messages any more (SHUT_RD).
Result<void> send_descriptors(int socket, std::span<const int> descriptors);
/// Waits for the next message; what came with it. Empty when there will be none any more.
std::vector<Fd> receive_descriptors(int socket);

}  // namespace dstack::run

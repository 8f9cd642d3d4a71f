// Ports of this machine, each for one job at a time. A reservation is a bound abstract socket,
// which the kernel gives up when the last process that holds it has ended: nothing is ever left
// behind. It keeps away other jobs, of all users in the same network namespace, but no other
// program: whether something else uses the port is checked once, when it is reserved.
#pragma once

#include "dstack/base/fd.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace dstack::run {

/// Below the range from which the kernel takes ports for connections.
inline constexpr std::uint16_t first_port = 20000;
inline constexpr std::uint16_t last_port = 29999;

/// What the runs of one user have at the same time, at the most: a quarter of all. The others stay
/// for the other users of the machine.
inline constexpr std::size_t ports_of_each_user = 2500;

struct Port {
  std::uint16_t number = 0;
  Fd reservation;  ///< as long as a copy of it is open anywhere, no other job gets the port
};

/// Nothing when another job has it, or a program uses it.
Result<std::optional<Port>> reserve_port(std::uint16_t number);
/// All or none: ErrorCode::unavailable when there are fewer than `count` free ones, or the user's
/// share is used up.
Result<std::vector<Port>> reserve_ports(std::size_t count);

std::vector<std::uint16_t> numbers_of(const std::vector<Port>& ports);

}  // namespace dstack::run

// Points that fill a cube evenly, however many of them are taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dstack::sweep {

/// The first `count` points of a Sobol sequence in `dimensions` dimensions, each coordinate from 0
/// to below 1, moved as a whole by an amount that `seed` decides (Cranley and Patterson, 1976). The
/// first points are the same however many follow.
std::vector<std::vector<double>> low_discrepancy_points(std::size_t count,
                                                        std::size_t dimensions,
                                                        std::uint64_t seed);

/// More dimensions than these have no points.
inline constexpr std::size_t most_sampled_keys = 1000;

}  // namespace dstack::sweep

#include "dstack/sweep/low_discrepancy.hpp"

#include <boost/random/sobol.hpp>

#include <cmath>
#include <random>

namespace dstack::sweep {

namespace {

double fraction(std::uint64_t bits) {
  return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

}  // namespace

std::vector<std::vector<double>> low_discrepancy_points(std::size_t count,
                                                        std::size_t dimensions,
                                                        std::uint64_t seed) {
  std::vector<std::vector<double>> points(count, std::vector<double>(dimensions));
  if (dimensions == 0)
    return points;
  std::mt19937_64 random(seed);
  std::vector<double> offset(dimensions);
  for (double& coordinate : offset)
    coordinate = fraction(random());
  boost::random::sobol sequence(dimensions);
  for (std::vector<double>& point : points)
    for (std::size_t i = 0; i < dimensions; ++i) {
      const double moved = fraction(sequence()) + offset[i];
      point[i] = moved - std::floor(moved);
    }
  return points;
}

}  // namespace dstack::sweep

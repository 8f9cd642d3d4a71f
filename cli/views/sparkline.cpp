#include "views/sparkline.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace dstack::cli {

namespace {

constexpr std::array blocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

/// Of the finite ones; NaN: there is none.
double mean(const std::vector<double>& values, std::size_t begin, std::size_t end) {
  double sum = 0;
  std::size_t count = 0;
  for (std::size_t i = begin; i < end; ++i)
    if (std::isfinite(values[i])) {
      // Of halves, so that the largest doubles do not overflow.
      ++count;
      sum += (values[i] / 2 - sum) / static_cast<double>(count);
    }
  return count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum;
}

}  // namespace

std::string sparkline(const std::vector<double>& values, std::size_t width) {
  const std::size_t count = std::min(values.size(), width);
  std::vector<double> means(count);
  double lowest = HUGE_VAL;
  double highest = -HUGE_VAL;
  for (std::size_t i = 0; i < count; ++i) {
    means[i] = mean(values, i * values.size() / count, (i + 1) * values.size() / count);
    if (!std::isnan(means[i])) {
      lowest = std::min(lowest, means[i]);
      highest = std::max(highest, means[i]);
    }
  }
  std::string text;
  if (lowest > highest)
    return text;
  for (const double value : means) {
    if (std::isnan(value)) {
      text += ' ';
      continue;
    }
    const double share = highest > lowest ? (value - lowest) / (highest - lowest) : 0;
    const auto block = static_cast<std::size_t>(share * static_cast<double>(blocks.size()));
    text += blocks[std::min(block, blocks.size() - 1)];
  }
  return text;
}

}  // namespace dstack::cli

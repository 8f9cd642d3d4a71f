// A curve in one line of block characters.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace dstack::cli {

/// At most `width` characters, each the mean of as many neighbouring values; the lowest of these is
/// the lowest block. What has no finite value is a blank; without any, the text is empty.
std::string sparkline(const std::vector<double>& values, std::size_t width);

}  // namespace dstack::cli

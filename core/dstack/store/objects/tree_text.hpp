// The texts of the store beside that of a tree: the times, and the names of files. Internal to
// store/.
#pragma once

#include "dstack/store/objects/objects.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dstack::store {

std::string render_times(const std::vector<std::int64_t>& times);
Result<std::vector<std::int64_t>> parse_times(std::string_view text);

/// What kind of object a file of the store holds.
enum class Kind { blob, executable, tree, times };

/// Below the home: "objects/ab/cdef….x".
std::string object_name(Kind kind, const Digest& digest);

}  // namespace dstack::store

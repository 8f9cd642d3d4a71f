// The texts of the store beside that of a tree: the times, and the names of files. Internal to
// store/.
#pragma once

#include "dstack/store/objects/objects.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dstack::store {

/// What a tree does not say of an entry, for it is no part of what makes two of them the same.
struct Attributes {
  std::int64_t modified = 0;  ///< nanoseconds since 1970
  std::uint32_t closed = 0;   ///< as in FileState

  bool operator==(const Attributes&) const = default;
};

std::string render_times(const std::vector<Attributes>& entries);
Result<std::vector<Attributes>> parse_times(std::string_view text);

/// What kind of object a file of the store holds; what is named before what names it.
enum class Kind { blob, executable, pack, tree, times };

/// Below the home: "objects/ab/cdef….x", "packs/abcdef…".
std::string object_name(Kind kind, const Digest& digest);

}  // namespace dstack::store

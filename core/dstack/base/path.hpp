// What the text of a path says by itself: no disk is looked at.
#pragma once

#include <string_view>

namespace dstack {

/// Whether `path` is `folder` or lies below it. Both in canonical form, and both absolute or
/// relative to the same place.
bool is_below(std::string_view path, std::string_view folder);

}  // namespace dstack

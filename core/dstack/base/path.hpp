// What the text of a path says by itself: no disk is looked at.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dstack {

/// Whether `path` is `folder` or lies below it. Both in canonical form, and both absolute or
/// relative to the same place.
bool is_below(std::string_view path, std::string_view folder);

/// `path` as seen from `folder`, in canonical form, from where `folder` is seen; nothing when it is
/// absolute or leads out of there.
std::optional<std::string> resolve_path(std::string_view folder, std::string_view path);

}  // namespace dstack

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

/// The last component.
std::string_view file_name(std::string_view path);
/// What is before the last slash; "" for a path without one.
std::string_view folder_of(std::string_view path);

/// The folder from which `folder` is seen as `place`, a path in canonical form that `folder` ends
/// with; empty is the folder itself.
std::string root_above(std::string_view folder, std::string_view place);

}  // namespace dstack

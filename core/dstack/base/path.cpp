#include "dstack/base/path.hpp"

#include "dstack/base/text.hpp"

#include <vector>

namespace dstack {

bool is_below(std::string_view path, std::string_view folder) {
  if (folder.ends_with('/'))  // the root
    folder.remove_suffix(1);
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

std::optional<std::string> resolve_path(std::string_view folder, std::string_view path) {
  if (path.starts_with('/'))
    return std::nullopt;
  std::vector<std::string> parts;
  for (const std::string_view text : {folder, path})
    for (const std::string_view part : split(text, '/')) {
      if (part.empty() || part == ".")
        continue;
      if (part != "..") {
        parts.emplace_back(part);
      } else {
        if (parts.empty())
          return std::nullopt;
        parts.pop_back();
      }
    }
  return join(parts, "/");
}

}  // namespace dstack

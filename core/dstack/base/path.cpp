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

std::string_view file_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

std::string_view folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string root_above(std::string_view folder, std::string_view place) {
  if (place.empty() || folder.size() <= place.size() + 1)
    return std::string(place.empty() ? folder : "/");
  return std::string(folder.substr(0, folder.size() - place.size() - 1));
}

}  // namespace dstack

#include "dstack/base/path.hpp"

namespace dstack {

bool is_below(std::string_view path, std::string_view folder) {
  if (folder.ends_with('/'))  // the root
    folder.remove_suffix(1);
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

}  // namespace dstack

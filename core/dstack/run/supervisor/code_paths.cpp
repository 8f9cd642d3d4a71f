#include "dstack/run/supervisor/code_paths.hpp"

#include "dstack/base/path.hpp"

#include <algorithm>

namespace dstack::run {

const Result<std::vector<store::TreeFile>>& CodePaths::files() const {
  if (!files_)
    files_ = objects_.list(code_);
  return *files_;
}

bool CodePaths::has(const std::string& path) const {
  const auto& all = files();
  return !all || std::any_of(all->begin(), all->end(), [&](const store::TreeFile& file) {
    return is_below(file.path, path);
  });
}

bool CodePaths::is_readable() const {
  return bool(files());
}

}  // namespace dstack::run

#include "dstack/run/supervisor/code_paths.hpp"

#include "dstack/base/path.hpp"

#include <algorithm>

namespace dstack::run {

bool CodePaths::has(const std::string& path) const {
  if (!files_)
    files_ = objects_.list(code_);
  return !*files_ ||
         std::any_of((*files_)->begin(), (*files_)->end(), [&](const store::TreeFile& file) {
           return is_below(file.path, path);
         });
}

}  // namespace dstack::run

#include "dstack/run/supervisor/code_paths.hpp"

#include "dstack/base/path.hpp"

#include <algorithm>

namespace dstack::run {

bool is_in_code(const std::string& path,
                const job::TreeReference& code,
                const store::ObjectStore& objects) {
  const auto files = objects.list(code);
  return !files || std::any_of(files->begin(), files->end(), [&](const store::TreeFile& file) {
    return is_below(file.path, path);
  });
}

}  // namespace dstack::run

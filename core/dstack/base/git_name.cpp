#include "dstack/base/git_name.hpp"

#include <dstack/detail/git_name.hpp>

namespace dstack {

bool is_git_name(std::string_view name) {
  return git::is_git_name(name);
}

std::string_view git_part(std::string_view path) {
  return git::git_part(path);
}

}  // namespace dstack

// Names under which Git finds a repository. What a job has made is never written there: the hooks
// and the configuration of a repository run with the next command of its user. No disk is looked
// at.
#pragma once

#include <string_view>

namespace dstack {

/// `.git`, also as file systems read it that do not tell case or pass over characters: `.GIT`,
/// `.git `, `.git::$INDEX_ALLOCATION`, `git~1`. The same names that Git itself never checks out.
bool is_git_name(std::string_view name);

/// The beginning of the path that ends with such a name; empty: no part of it is one.
std::string_view git_part(std::string_view path);

}  // namespace dstack

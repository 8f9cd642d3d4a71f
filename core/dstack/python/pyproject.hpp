// What a pyproject.toml says of packages: [project], [dependency-groups] and, of uv's own, where
// packages come from. Works on text alone; no package is built to ask it.
#pragma once

#include "dstack/base/toml.hpp"
#include "dstack/job/requirements_source.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dstack::python {

/// One line of a requirements file, in which a path may stand.
struct ProjectRequirement {
  std::string text;   ///< up to the path, or all of it: "numpy>=1.26", "mine @ "
  std::string local;  ///< a path as written, relative to pyproject.toml; mostly empty
  std::string after;  ///< what follows it: "; python_version < '3.12'"
  SourceLocation where;
};

/// The dependencies of the project with the extras and groups of `source`. Where the project itself
/// is meant, that is the first, and brings its own dependencies. `root` is the whole file. Errors:
/// no [project], dependencies that only a build knows, an unknown extra or group, groups that
/// include each other.
Result<std::vector<ProjectRequirement>> project_requirements(const TomlValue& root,
                                                             const job::RequirementsSource& source);

/// That the project has these extras and groups.
Result<void> check_parts(const TomlValue& root, const job::RequirementsSource& source);

/// "My_Package" and "my.package" are both "my-package".
std::string normal_package_name(std::string_view name);
/// The name at the beginning of a requirement: "numpy" of "numpy[x]>=1; os_name == 'a'".
std::string_view package_name_of(std::string_view requirement);

}  // namespace dstack::python

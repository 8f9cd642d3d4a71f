// `${NAME}` in requirements files, which the installers replace.
#pragma once

#include "dstack/python/python.hpp"
#include "dstack/python/requirements.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::python {

struct FileVariable {
  std::string name;
  std::string file;  ///< that uses it first, as RequirementFile::name
  std::size_t line;
};

/// Those that the files use outside of comments, each once: names of `A-Z 0-9 _`, as pip and uv
/// have it.
std::vector<FileVariable> variables_of(const Requirements& requirements);

/// As the installers do it: one that is not set, or empty, stays as it is written.
std::string expand_variables(std::string_view text, const Lookup& environment);

}  // namespace dstack::python

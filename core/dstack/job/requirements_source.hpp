// One entry of a job's requirements: a file, and which of its parts are meant. As one text it is
// what orders, records and the option -r have: `pyproject.toml[gpu,viz]:dev+project`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dstack::job {

enum class RequirementsFormat {
  pip,      ///< a requirements file: a requirement in each line
  project,  ///< pyproject.toml
  uv_lock,  ///< uv.lock
  conda,    ///< environment.yaml, or any other file of YAML
};

struct RequirementsSource {
  std::string file;                 ///< as written, or relative to the project's root
  std::vector<std::string> extras;  ///< sets of optional dependencies: `[gpu,viz]`
  std::vector<std::string> groups;  ///< dependency groups: `:dev,docs`
  bool project = false;             ///< the project itself is installed, too: `+project`

  bool has_parts() const { return project || !extras.empty() || !groups.empty(); }
};

/// By the file's name alone.
RequirementsFormat format_of(const RequirementsSource& source);

/// Whether such a file has extras, groups and a project: pyproject.toml and uv.lock.
bool may_have_parts(const RequirementsSource& source);

/// Only after the names `pyproject.toml` and `uv.lock` parts are looked for; any other text is the
/// path of a file as a whole.
RequirementsSource parse_requirements_source(std::string_view text);
/// What parse_requirements_source() reads back.
std::string render(const RequirementsSource& source);

}  // namespace dstack::job

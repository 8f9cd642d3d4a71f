#include "dstack/job/requirements_source.hpp"

#include "dstack/base/format.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>

namespace dstack::job {

namespace {

constexpr std::string_view project_name = "pyproject.toml";
constexpr std::string_view lock_name = "uv.lock";
constexpr std::string_view project_mark = "+project";

std::vector<std::string> names_in(std::string_view list) {
  std::vector<std::string> names;
  for (const std::string_view name : split(list, ','))
    if (!trim(name).empty())
      names.emplace_back(trim(name));
  return names;
}

/// Reads the parts behind the file's name; false when this is something else.
bool read_parts(std::string_view rest, RequirementsSource& source) {
  if (rest.ends_with(project_mark)) {
    source.project = true;
    rest.remove_suffix(project_mark.size());
  }
  if (rest.starts_with('[')) {
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos)
      return false;
    source.extras = names_in(rest.substr(1, end - 1));
    rest.remove_prefix(end + 1);
  }
  if (!rest.starts_with(':'))
    return rest.empty();
  source.groups = names_in(rest.substr(1));
  return true;
}

}  // namespace

RequirementsFormat format_of(const RequirementsSource& source) {
  const std::string_view name = file_name(source.file);
  if (name == project_name)
    return RequirementsFormat::project;
  if (name == lock_name)
    return RequirementsFormat::uv_lock;
  if (name.ends_with(".yaml") || name.ends_with(".yml"))
    return RequirementsFormat::conda;
  return RequirementsFormat::pip;
}

bool may_have_parts(const RequirementsSource& source) {
  const RequirementsFormat format = format_of(source);
  return format == RequirementsFormat::project || format == RequirementsFormat::uv_lock;
}

RequirementsSource parse_requirements_source(std::string_view text) {
  const std::size_t name = text.rfind('/') + 1;
  for (const std::string_view known : {project_name, lock_name})
    if (text.substr(name).starts_with(known)) {
      RequirementsSource source;
      const std::size_t end = name + known.size();
      if (read_parts(text.substr(end), source)) {
        source.file = text.substr(0, end);
        return source;
      }
    }
  return {std::string(text), {}, {}, false};
}

std::string render(const RequirementsSource& source) {
  std::string text = source.file;
  if (!source.extras.empty())
    text += fmt::format("[{}]", join(source.extras, ","));
  if (!source.groups.empty())
    text += fmt::format(":{}", join(source.groups, ","));
  if (source.project)
    text += project_mark;
  return text;
}

}  // namespace dstack::job

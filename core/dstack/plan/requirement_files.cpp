// Files of requirements whose mistakes can be seen before a run starts.
#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/plan/draft.hpp"
#include "dstack/python/project_files.hpp"

#include <set>

namespace dstack::plan {

std::string other_requirements(const std::string& path, const source::Snapshot& code) {
  const std::string folder(folder_of(path));
  const auto beside = [&](std::string_view name) {
    return folder.empty() ? std::string(name) : fmt::format("{}/{}", folder, name);
  };
  const std::string project = beside("pyproject.toml");
  if (file_name(path) == "uv.lock" && code.contains(project))
    return fmt::format(
        "'{}uv lock' makes it from '{}', which is there: then add it to the project; or write "
        "'requirements: {}'",
        folder.empty() ? "" : fmt::format("cd {} && ", shell_quote(folder)),
        project,
        project);
  for (const char* name : {"uv.lock",
                           "requirements.txt",
                           "requirements/base.txt",
                           "pyproject.toml",
                           "environment.yaml",
                           "environment.yml"})
    if (const std::string other = beside(name); other != path && code.contains(other))
      return fmt::format("there is '{}': write 'requirements: {}'", other, other);
  if (code.contains(beside("setup.py")))
    return fmt::format(
        "there is '{}': a requirements file with the line './{}' installs that "
        "project and what it needs",
        beside("setup.py"),
        folder);
  return {};
}

void check_requirement_files(const Drafts& drafts,
                             const PlanningContext& context,
                             std::vector<Error>& errors) {
  if (!context.choose_python)
    return;
  std::set<std::vector<std::string>> known;
  for (const Draft& draft : drafts.all)
    for (const job::JobSpec& job : draft.jobs) {
      if (!job.python || !known.insert(job.python->requirements).second)
        continue;
      auto checked =
          python::check_project_files(*job.python, context.project.root, context.environment);
      if (checked)
        continue;
      Error error = std::move(checked).error();
      if (!error.where)
        error.where = place_of(draft, "requirements");
      errors.push_back(std::move(error));
    }
}

}  // namespace dstack::plan

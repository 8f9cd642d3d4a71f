// Which Python each job gets.
#include "dstack/job/requirements_source.hpp"
#include "dstack/plan/draft.hpp"

#include <algorithm>
#include <map>

namespace dstack::plan {

namespace {

/// Where the workflow names this version: at the last property that is it, as providers of
/// applications have the version of the application first.
SourceLocation place_of_version(const Draft& draft, const std::string& version) {
  const auto& properties = draft.manifest().properties;
  const auto found =
      std::find_if(properties.rbegin(), properties.rend(), [&](const provider::Property& property) {
        return property.type == provider::PropertyType::text && !version.empty() &&
               json_string(draft.checked.values, property.name) == version;
      });
  return found == properties.rend() ? draft.workflow->provider_where : place_of(draft, found->name);
}

/// An environment of conda has its own.
bool brings_interpreter(const job::PythonRequest& request) {
  return std::any_of(
      request.requirements.begin(), request.requirements.end(), [](const std::string& file) {
        return job::format_of(job::parse_requirements_source(file)) ==
               job::RequirementsFormat::conda;
      });
}

}  // namespace

void choose_pythons(Drafts& drafts,
                    const PlanningContext& context,
                    std::vector<Error>& errors,
                    std::vector<std::string>& notices) {
  if (!context.choose_python)
    return;
  std::map<std::string, Result<python::Choice>> known;
  for (Draft& draft : drafts.all) {
    draft.pythons.resize(draft.jobs.size());
    for (std::size_t job = 0; job < draft.jobs.size(); ++job) {
      const auto& request = draft.jobs[job].python;
      if (!request)
        continue;
      if (brings_interpreter(*request)) {
        draft.pythons[job] = python::Interpreter{{}, "", "conda"};
        continue;
      }
      auto found = known.find(request->version);
      if (found == known.end()) {
        found = known.emplace(request->version, context.choose_python(*request)).first;
        if (!found->second) {
          Error error = found->second.error();
          error.where = place_of_version(draft, request->version);
          errors.push_back(std::move(error));
        } else if (!found->second->notice.empty()) {
          notices.push_back(found->second->notice);
        }
      }
      if (found->second)
        draft.pythons[job] = found->second->interpreter;
    }
  }
}

}  // namespace dstack::plan

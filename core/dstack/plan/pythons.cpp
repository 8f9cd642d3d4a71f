// Which Python each job gets.
#include "dstack/base/path.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/requirements_source.hpp"
#include "dstack/plan/draft.hpp"
#include "dstack/plan/python_files.hpp"

#include <algorithm>
#include <map>
#include <set>

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

/// The file of an environment of conda, which has a Python of its own; empty: there is none.
std::string file_of_conda(const job::PythonRequest& request) {
  for (const std::string& file : request.requirements)
    if (job::format_of(job::parse_requirements_source(file)) == job::RequirementsFormat::conda)
      return file;
  return {};
}

class Chooser {
 public:
  Chooser(const PlanningContext& context,
          std::vector<Error>& errors,
          std::vector<std::string>& notices)
      : context_(context), errors_(errors), notices_(notices) {}

  void choose(Draft& draft) {
    draft.pythons.resize(draft.jobs.size());
    for (std::size_t job = 0; job < draft.jobs.size(); ++job)
      if (draft.jobs[job].python)
        draft.pythons[job] = choose(draft, draft.jobs[job]);
  }

 private:
  std::optional<python::Interpreter> choose(const Draft& draft, const job::JobSpec& job) {
    if (const std::string file = file_of_conda(*job.python); !file.empty()) {
      if (!job.python->version.empty())
        note(fmt::format("Python {} is not heeded: the environment of '{}' has a Python of its own",
                         job.python->version,
                         file));
      return python::Interpreter{{}, "", "conda"};
    }
    const PythonFiles& files = files_of(first_folder(job));
    python::VersionRequest request = files.request;
    const std::string& own = job.python->version;
    if (!own.empty()) {
      request.version = own;
      request.named_by.clear();
    } else {
      for (const std::string& notice : files.notices)
        note(notice);
      if (files.problem) {
        if (reported_.insert(job.working_dir).second)
          errors_.push_back(*files.problem);
        return std::nullopt;
      }
    }
    auto found = known_.find(request);
    if (found == known_.end()) {
      found = known_.emplace(request, context_.choose_python(request)).first;
      if (!found->second)
        report(found->second.error(), place_of_request(draft, files, request));
      else if (!found->second->notice.empty())
        note(found->second->notice);
    }
    if (!found->second)
      return std::nullopt;
    note_dependencies(draft, job, files, found->second->interpreter);
    return found->second->interpreter;
  }

  static SourceLocation place_of_request(const Draft& draft,
                                         const PythonFiles& files,
                                         const python::VersionRequest& request) {
    if (!request.named_by.empty() && files.version)
      return *files.version;
    if (request.version.empty() && files.range)
      return *files.range;
    return place_of_version(draft, request.version);
  }

  void report(Error error, SourceLocation where) {
    error.where = std::move(where);
    errors_.push_back(std::move(error));
  }

  /// An active environment mostly has what these files list.
  void note_dependencies(const Draft& draft,
                         const job::JobSpec& job,
                         const PythonFiles& files,
                         const python::Interpreter& interpreter) {
    if (files.dependencies.empty() || !job.python->requirements.empty() ||
        interpreter.source == "active environment" ||
        draft.manifest().find("requirements") == nullptr)
      return;
    note(fmt::format("{} {} packages, and this run installs none of them: 'requirements: {}' does",
                     quoted_list(files.dependencies),
                     files.dependencies.size() == 1 ? "lists" : "list",
                     files.dependencies.back()));
  }

  void note(const std::string& notice) {
    if (std::find(notices_.begin(), notices_.end(), notice) == notices_.end())
      notices_.push_back(notice);
  }

  /// Where the files begin to be looked for: the job's folder; but beside a pyproject.toml or
  /// uv.lock that is named as its requirements, if that is not above it.
  static std::string first_folder(const job::JobSpec& job) {
    for (const std::string& text : job.python->requirements) {
      const auto source = job::parse_requirements_source(text);
      const std::string folder(folder_of(source.file));
      if (job::may_have_parts(source) && !folder.empty() && !is_below(job.working_dir, folder))
        return folder;
    }
    return job.working_dir;
  }

  const PythonFiles& files_of(const std::string& folder) {
    const auto found = files_.find(folder);
    if (found != files_.end())
      return found->second;
    return files_.emplace(folder, find_python_files(context_.project.root, folder)).first->second;
  }

  const PlanningContext& context_;
  std::vector<Error>& errors_;
  std::vector<std::string>& notices_;
  std::map<std::string, PythonFiles> files_;  ///< by folder
  std::set<std::string> reported_;            ///< the folders whose files cannot be heeded
  std::map<python::VersionRequest, Result<python::Choice>> known_;
};

}  // namespace

void choose_pythons(Drafts& drafts,
                    const PlanningContext& context,
                    std::vector<Error>& errors,
                    std::vector<std::string>& notices) {
  if (!context.choose_python)
    return;
  Chooser chooser(context, errors, notices);
  for (Draft& draft : drafts.all)
    chooser.choose(draft);
}

}  // namespace dstack::plan

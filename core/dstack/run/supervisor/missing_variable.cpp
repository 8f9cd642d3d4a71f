#include "dstack/run/supervisor/missing_variable.hpp"

#include "dstack/base/text.hpp"
#include "dstack/base/words.hpp"
#include "dstack/config/project/env_file.hpp"
#include "dstack/job/environment_names.hpp"
#include "dstack/run/supervisor/code_paths.hpp"

#include <algorithm>
#include <set>
#include <vector>

namespace dstack::run {

namespace {

/// In lines about a variable that is not set: of shells, of languages, of libraries for settings.
constexpr std::string_view complaints[] = {"keyerror",
                                           "environ",
                                           "getenv",
                                           "process.env",
                                           "unbound",
                                           "not set",
                                           "must be set",
                                           "must be defined",
                                           "please set",
                                           "not provided",
                                           "is empty",
                                           "is unset",
                                           "undefined",
                                           "not defined",
                                           "not found",
                                           "missing",
                                           "required"};
constexpr std::size_t most_files = 20;

/// A name as it is, or, where it can hardly be another word, as libraries for settings write it.
bool complains_about(const std::vector<std::string>& lines, const std::string& variable) {
  const std::string name = to_lower(variable);
  const bool is_distinct = name.find('_') != name.npos;
  return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
    return has_word(line, variable) || (is_distinct && has_word(to_lower(line), name));
  });
}

/// Those that complain, and what Python shows below them.
std::vector<std::string> complaining_lines(std::string_view log_end) {
  std::vector<std::string> lines;
  std::string_view before;
  for (const std::string_view line : split(log_end, '\n')) {
    const std::string lower = to_lower(line);
    const bool complains =
        std::any_of(std::begin(complaints), std::end(complaints), [&](std::string_view complaint) {
          return lower.find(complaint) != std::string::npos;
        });
    if (complains) {
      lines.emplace_back(line);
      lines.emplace_back(before);  // "api_key" above "Field required"
    }
    before = line;
  }
  return lines;
}

/// What bash says of `${NAME:?text}`: `bash: line 1: NAME: text`.
bool is_refused_by_shell(std::string_view log_end, const std::string& name) {
  const std::string part = fmt::format(": {}: ", name);
  for (const std::string_view line : split(log_end, '\n'))
    if (line.find(part) != std::string_view::npos &&
        (line.find("line ") != std::string_view::npos || line.starts_with("sh: ")))
      return true;
  return false;
}

/// `.env`, `.env.local`, … in a folder of the project, from its root.
std::vector<std::string> env_files_in(const Path& project, const std::string& folder) {
  std::vector<std::string> paths;
  boost::system::error_code error;
  for (fs::directory_iterator entry(project / folder, error), end;
       !error && entry != end && paths.size() < most_files;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    boost::system::error_code ignored;
    if (name.starts_with(".env") && fs::is_regular_file(entry->path(), ignored) &&
        fs::file_size(entry->path(), ignored) <= config::largest_env_file)
      paths.push_back(folder.empty() ? name : folder + "/" + name);
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

/// One that a file such as `.env` sets.
std::string explain_variable_of_file(const std::vector<std::string>& lines,
                                     const std::set<std::string>& had,
                                     const RunOrder& order,
                                     const job::JobSpec& spec,
                                     const CodePaths& code) {
  std::vector<std::string> paths = env_files_in(order.plan.project, {});
  if (!spec.working_dir.empty())
    for (std::string& path : env_files_in(order.plan.project, spec.working_dir))
      paths.push_back(std::move(path));
  for (const std::string& path : paths) {
    const auto text = read_file(Path(order.plan.project) / path);
    const auto entries = text ? config::parse_env_file(*text, path)
                              : Result<std::vector<config::EnvEntry>>(Failure(text.error()));
    if (!entries)
      continue;
    for (const config::EnvEntry& entry : *entries)
      if (!had.contains(entry.name) && complains_about(lines, entry.name) && !code.has(path))
        return fmt::format(
            "the job had no variable '{}', which '{}' sets: that file is in your folder but not "
            "among the code of this run; 'env_file: {}' in the workflow, or '--env-file {}', gives "
            "its variables to jobs",
            entry.name,
            printable(path),
            printable(path),
            printable(path));
  }
  return {};
}

/// Shells set them themselves.
bool is_of_shell(std::string_view name) {
  return name == "PWD" || name == "OLDPWD" || name == "SHLVL" || name == "_";
}

/// One that is set where the run was started.
std::string explain_variable_of_caller(std::string_view log_end,
                                       const std::vector<std::string>& lines,
                                       const std::set<std::string>& had,
                                       const std::vector<std::string>& caller,
                                       const plan::Plan& plan,
                                       std::size_t job) {
  for (const std::string& name : caller) {
    if (had.contains(name) || is_of_shell(name) || job::is_base_environment_name(name) ||
        job::is_reserved_environment_name(name))
      continue;
    if (!complains_about(lines, name) && !is_refused_by_shell(log_end, name))
      continue;
    const std::size_t workflow = plan.jobs[job].workflow;
    const bool is_target = workflow + 1 == plan.workflows.size();
    return fmt::format(
        "the job had no variable '{}', which is set where the run was started, and not handed on: "
        "{}'environment: [{}]' in {} does that; 'dstack secrets add {}' gives a password to all "
        "jobs",
        name,
        is_target ? fmt::format("'-e {}', or ", name) : std::string(),
        name,
        is_target ? std::string("the workflow")
                  : fmt::format("workflow '{}'", plan.workflows[workflow].name),
        name);
  }
  return {};
}

}  // namespace

std::string explain_missing_variable(std::string_view log_end,
                                     const RunOrder& order,
                                     std::size_t job,
                                     const std::vector<std::string>& caller,
                                     const CodePaths& code) {
  const plan::PlannedJob& planned = order.plan.jobs[job];
  const std::vector<std::string> lines = complaining_lines(log_end);
  std::set<std::string> had;
  for (const plan::EnvironmentVariable& variable : planned.environment)
    had.insert(variable.name);
  if (!lines.empty() && planned.spec.workspace != job::WorkspaceKind::project)
    if (auto found = explain_variable_of_file(lines, had, order, planned.spec, code);
        !found.empty())
      return found;
  return explain_variable_of_caller(log_end, lines, had, caller, order.plan, job);
}

}  // namespace dstack::run

#include "dstack/run/supervisor/missing_variable.hpp"

#include "dstack/base/text.hpp"
#include "dstack/config/project/env_file.hpp"

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
                                           "is unset",
                                           "undefined",
                                           "not defined",
                                           "not found",
                                           "missing",
                                           "required"};
constexpr std::size_t most_files = 20;

bool is_word_part(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/// Both in lower case.
bool has_word(std::string_view line, std::string_view word) {
  for (std::size_t at = line.find(word); at != std::string_view::npos;
       at = line.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !is_word_part(line[at - 1])) &&
        (end == line.size() || !is_word_part(line[end])))
      return true;
  }
  return false;
}

bool complains_about(const std::vector<std::string>& lines, const std::string& variable) {
  const std::string name = to_lower(variable);
  return std::any_of(
      lines.begin(), lines.end(), [&](const std::string& line) { return has_word(line, name); });
}

/// Those that complain, and what Python shows below them, in lower case.
std::vector<std::string> complaining_lines(std::string_view log_end) {
  std::vector<std::string> lines;
  const std::string lower = to_lower(log_end);
  std::string_view before;
  for (const std::string_view line : split(lower, '\n')) {
    const bool complains =
        std::any_of(std::begin(complaints), std::end(complaints), [&](std::string_view complaint) {
          return line.find(complaint) != std::string_view::npos;
        });
    if (complains) {
      lines.emplace_back(line);
      lines.emplace_back(before);  // "api_key" above "Field required"
    }
    before = line;
  }
  return lines;
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

bool in_code(const std::string& path,
             const job::TreeReference& code,
             const store::ObjectStore& objects) {
  const auto files = objects.list(code);
  return !files || std::any_of(files->begin(), files->end(), [&](const store::TreeFile& file) {
    return file.path == path;
  });
}

}  // namespace

std::string explain_missing_variable(std::string_view log_end,
                                     const RunOrder& order,
                                     std::size_t job,
                                     const store::ObjectStore& objects) {
  const plan::PlannedJob& planned = order.plan.jobs[job];
  const std::vector<std::string> lines = complaining_lines(log_end);
  if (lines.empty() || planned.spec.workspace == job::WorkspaceKind::project)
    return {};
  std::set<std::string> had;
  for (const plan::EnvironmentVariable& variable : planned.environment)
    had.insert(variable.name);
  const std::string& working_dir = planned.spec.working_dir;
  std::vector<std::string> paths = env_files_in(order.plan.project, {});
  if (!working_dir.empty())
    for (std::string& path : env_files_in(order.plan.project, working_dir))
      paths.push_back(std::move(path));
  for (const std::string& path : paths) {
    const auto text = read_file(Path(order.plan.project) / path);
    const auto entries = text ? config::parse_env_file(*text, path)
                              : Result<std::vector<config::EnvEntry>>(Failure(text.error()));
    if (!entries)
      continue;
    for (const config::EnvEntry& entry : *entries)
      if (!had.contains(entry.name) && complains_about(lines, entry.name) &&
          !in_code(path, order.code.snapshot, objects))
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

}  // namespace dstack::run

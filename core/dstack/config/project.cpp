#include "dstack/config/project.hpp"

#include "dstack/config/file_source.hpp"
#include "dstack/config/loading.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace dstack::config {

namespace {

constexpr const char* project_folder = ".dstack";

bool is_there(const Path& path) {
  boost::system::error_code error;
  return fs::exists(path, error);
}

bool is_folder(const Path& path) {
  boost::system::error_code error;
  return fs::is_directory(path, error);
}

Path real_path(const Path& path) {
  boost::system::error_code error;
  Path real = fs::canonical(path, error);
  return error ? path : real;
}

bool defines_workflows(const Path& root) {
  return is_there(root / project_folder / "workflows.yaml") ||
         is_folder(root / project_folder / "workflows");
}

/// The names of the workflow files, relative to the root, in the order in which they are read.
Result<std::vector<std::string>> workflow_files(const Path& root) {
  std::vector<std::string> files;
  const Path folder = root / project_folder / "workflows";
  if (is_folder(folder)) {
    boost::system::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
      const std::string extension = entry->path().extension().string();
      if ((extension == ".yaml" || extension == ".yml") &&
          entry->path().filename().string().front() != '.')
        files.push_back(".dstack/workflows/" + entry->path().filename().string());
    }
    if (error)
      return fail_errno("cannot read the folder '.dstack/workflows'", error.value());
  }
  std::sort(files.begin(), files.end());
  if (is_there(root / project_folder / "workflows.yaml"))
    files.insert(files.begin(), ".dstack/workflows.yaml");
  return files;
}

Result<ParsedYaml> read_file_of(const Path& root, const std::string& name) {
  auto source = read_source(root / name, name);
  if (!source)
    return fail(std::move(source).error());
  return read_yaml(std::move(*source));
}

/// In the order of the files, which is the order in which their first findings came.
void sort_findings(std::vector<Finding>& findings) {
  std::vector<std::string> files;
  std::vector<std::tuple<std::size_t, std::uint32_t, std::uint32_t, std::size_t>> order;
  for (std::size_t i = 0; i < findings.size(); ++i) {
    const SourceLocation& where = *findings[i].error.where;
    auto file = std::find(files.begin(), files.end(), where.source->name);
    if (file == files.end())
      file = files.insert(files.end(), where.source->name);
    order.emplace_back(file - files.begin(), where.line, where.column, i);
  }
  std::sort(order.begin(), order.end());
  std::vector<Finding> sorted;
  sorted.reserve(findings.size());
  for (const auto& entry : order)
    sorted.push_back(std::move(findings[std::get<3>(entry)]));
  findings = std::move(sorted);
}

/// Reads the files one after the other, and goes on where one cannot be read: the others have
/// errors to tell, too.
class Loader {
 public:
  explicit Loader(const Path& root) { project_.root = real_path(root); }

  Result<Project> load() {
    DSTACK_TRY(const std::vector<std::string> files, workflow_files(project_.root));
    project_.defined = !files.empty() || is_folder(project_.root / project_folder / "workflows");
    std::vector<VariableScope> scopes;
    if (is_there(project_.root / project_folder / "variables.yaml"))
      if (auto file = read(".dstack/variables.yaml"))
        scopes = add_variables(std::move(*file), project_);
    const bool variables_known = failures_.empty();
    for (const std::string& name : files)
      if (auto file = read(name))
        add_workflows(std::move(*file), project_);
    check_names(project_);
    check_variables(project_);
    // What a file that cannot be read defines is not known, and so not missing.
    if (failures_.empty() || (!variables_known && failures_.size() == 1)) {
      check_references(project_);
      check_scopes(scopes, project_);
    }
    sort_findings(project_.findings);
    if (failures_.empty())
      return std::move(project_);
    for (Finding& finding : project_.findings)
      failures_.push_back(std::move(finding.error));
    return fail(join(std::move(failures_)));
  }

 private:
  std::optional<ParsedYaml> read(const std::string& name) {
    auto file = read_file_of(project_.root, name);
    if (file)
      return std::move(*file);
    failures_.push_back(std::move(file).error());
    return std::nullopt;
  }

  Project project_;
  std::vector<Error> failures_;
};

}  // namespace

const Workflow* Project::find(std::string_view name) const {
  for (const Workflow& workflow : workflows)
    if (workflow.name == name)
      return &workflow;
  return nullptr;
}

std::vector<std::string> Project::workflow_names() const {
  std::vector<std::string> names;
  names.reserve(workflows.size());
  for (const Workflow& workflow : workflows)
    names.push_back(workflow.name);
  return names;
}

std::optional<Path> find_project(const Path& from) {
  for (Path folder = real_path(from); !folder.empty(); folder = folder.parent_path())
    if (defines_workflows(folder))
      return folder;
  return std::nullopt;
}

Result<Project> load_project(const Path& root) {
  return Loader(root).load();
}

Project undefined_project(const Path& root) {
  Project project;
  project.root = real_path(root);
  project.defined = false;
  return project;
}

}  // namespace dstack::config

#include "dstack/config/project/project.hpp"

#include "dstack/config/project/loading.hpp"
#include "dstack/config/project/variable_values.hpp"
#include "dstack/config/yaml/file_source.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace dstack::config {

namespace {

constexpr const char* project_folder = ".dstack";
constexpr const char* variables_file = ".dstack/variables.yaml";

bool is_there(const Path& path) {
  boost::system::error_code error;
  return fs::exists(path, error);
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
      return fail_errno_of(error.value(), "cannot read the folder '.dstack/workflows'");
  }
  std::sort(files.begin(), files.end());
  if (is_there(root / project_folder / "workflows.yaml")) {
    files.emplace_back(".dstack/workflows.yaml");
    std::rotate(files.begin(), files.end() - 1, files.end());
  }
  return files;
}

Result<ParsedYaml> read_file_of(const Path& root, const std::string& name) {
  auto source = read_source(root / name, name);
  if (!source)
    return fail(std::move(source).error());
  return read_yaml(std::move(*source));
}

/// The place of an error in the order in which the files are reported.
using Position = std::tuple<std::size_t, std::uint32_t, std::uint32_t>;

Position position_of(const Error& error, const std::vector<std::string>& files) {
  if (!error.where)
    return {0, 0, 0};
  const auto file = std::find(files.begin(), files.end(), error.where->source->name);
  return {static_cast<std::size_t>(file - files.begin()), error.where->line, error.where->column};
}

/// Reads the files one after the other, and goes on where one cannot be read: the others may have
/// errors, too.
class Loader {
 public:
  explicit Loader(const Path& root) { project_.root = real_path(root); }

  Result<Project> load() {
    DSTACK_TRY(std::vector<std::string> files, workflow_files(project_.root));
    project_.defined = !files.empty() || is_folder(project_.root / project_folder / "workflows");
    std::vector<VariableScope> scopes;
    if (is_there(project_.root / variables_file))
      if (auto file = read(variables_file))
        scopes = add_variables(std::move(*file), project_);
    bool all_workflows = true;
    for (const std::string& name : files) {
      auto file = read(name);
      all_workflows = all_workflows && file;
      if (file)
        add_workflows(std::move(*file), project_);
    }
    check_names(project_);
    check_variables(project_);
    check_variable_values(project_);
    // What a file that cannot be read defines is not known, and so not missing.
    if (all_workflows) {
      check_references(project_);
      check_scopes(scopes, project_);
    }
    files.emplace_back(variables_file);
    return finish(files);
  }

 private:
  std::optional<ParsedYaml> read(const std::string& name) {
    auto file = read_file_of(project_.root, name);
    if (file)
      return std::move(*file);
    failures_.push_back(std::move(file).error());
    return std::nullopt;
  }

  Result<Project> finish(const std::vector<std::string>& files) {
    const auto before = [&](const Error& a, const Error& b) {
      return position_of(a, files) < position_of(b, files);
    };
    std::stable_sort(project_.findings.begin(),
                     project_.findings.end(),
                     [&](const Finding& a, const Finding& b) { return before(a.error, b.error); });
    if (failures_.empty())
      return std::move(project_);
    for (Finding& finding : project_.findings)
      failures_.push_back(std::move(finding.error));
    std::stable_sort(failures_.begin(), failures_.end(), before);
    return fail(join(std::move(failures_)));
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

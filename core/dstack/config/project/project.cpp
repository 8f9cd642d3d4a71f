#include "dstack/config/project/project.hpp"

#include "dstack/config/project/loading.hpp"
#include "dstack/config/project/variable_values.hpp"
#include "dstack/config/yaml/file_source.hpp"
#include "dstack/trust/belief.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace dstack::config {

namespace {

constexpr const char* project_folder = ".dstack";

/// Also where it is there under both of its names, which is an error of its own.
bool is_there(const Path& root, std::string_view stem) {
  const auto found = find_yaml_file(root / project_folder, stem, {});
  return !found || *found;
}

bool defines_workflows(const Path& root) {
  return is_there(root, "workflows") || is_folder(root / project_folder / "workflows");
}

/// The names of the files in the folder of workflows, relative to the root, in order.
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
  return files;
}

Result<void> believe_part(const Path& root, const Path& part, trust::Kind kind) {
  return trust::believe(fmt::format("the project '{}'", root.string()), part, kind, root);
}

Result<ParsedYaml> read_file_of(const Path& root, const std::string& name) {
  DSTACK_CHECK(believe_part(root, root / name, trust::Kind::file));
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
  explicit Loader(const Path& folder) : project_(undefined_project(folder)) {}

  Result<Project> load() {
    DSTACK_TRY(std::vector<std::string> files, workflow_files(project_.folder));
    project_.defined = defines_workflows(project_.folder);
    if (auto main_file = find("workflows"))
      files.insert(files.begin(), *std::move(main_file));
    std::vector<VariableScope> scopes;
    const auto variables_file = find("variables");
    if (variables_file)
      if (auto file = read(*variables_file))
        scopes = add_variables(std::move(*file), project_);
    bool all_workflows = true;
    for (const std::string& name : files) {
      auto file = read(name);
      all_workflows = all_workflows && file;
      if (file) {
        root_.take(*file, project_);
        take_secret_names(*file, project_);
        add_workflows(std::move(*file), project_);
      }
    }
    check_names(project_);
    check_variables(project_);
    check_variable_values(project_);
    // What a file that cannot be read defines is not known, and so not missing.
    if (all_workflows) {
      check_references(project_);
      check_scopes(scopes, project_);
    }
    if (variables_file)
      files.push_back(*variables_file);
    return finish(files);
  }

 private:
  /// A file with one of two endings, relative to the root. Of both, which is an error, the first is
  /// read all the same: it may have errors of its own.
  std::optional<std::string> find(std::string_view stem) {
    auto name = find_yaml_file(project_.folder / project_folder, stem, ".dstack/");
    if (name)
      return *name ? std::optional(".dstack/" + **name) : std::nullopt;
    failures_.push_back(std::move(name).error());
    return fmt::format(".dstack/{}.yaml", stem);
  }

  std::optional<ParsedYaml> read(const std::string& name) {
    auto file = read_file_of(project_.folder, name);
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
  RootKey root_;
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

Result<void> believe_project(const Path& root) {
  return believe_part(root, root / project_folder, trust::Kind::folder);
}

Result<Project> load_project(const Path& root) {
  DSTACK_CHECK(believe_project(root));
  return Loader(root).load();
}

Path code_root(const Path& folder) {
  const auto project = load_project(folder);
  return project ? project->root : folder;
}

std::string place_in_code(const Path& folder) {
  const auto project = load_project(folder);
  return project ? project->base : std::string();
}

Project undefined_project(const Path& folder) {
  Project project;
  project.folder = real_path(folder);
  project.root = project.folder;
  project.defined = false;
  return project;
}

}  // namespace dstack::config

// A project as its `.dstack` folder describes it: workflows and variables (spec, sections 2 to 4).
// What only a provider can judge (its properties) is not judged here.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/config/project/secret_reference.hpp"
#include "dstack/config/yaml/value.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::config {

/// `download` or `download:latest`.
struct Dependency {
  std::string workflow;
  std::optional<std::string> tag;
  SourceLocation where;
  /// The entry as written where it holds a `${{ name }}`, else empty. `workflow` and `tag` are then
  /// what it is with the variables of the files; parse_dependency() reads it with others.
  std::string written = {};
};

struct Workflow {
  std::string name;
  std::string help;
  std::string provider;  ///< empty when the entry names none, which is a finding
  std::vector<Dependency> depends_on;
  Value properties;  ///< a mapping: every key that belongs to the provider or is common, as written
  /// What its file's `defaults` say; null where there are none. plan::apply_defaults() makes them
  /// properties, as only the provider knows which are the same.
  std::shared_ptr<const Value> defaults;
  /// Of `secrets`: those of the user's that its jobs get also where the project has not run before.
  std::vector<SecretReference> secrets;
  SourceLocation where;  ///< the first line of its entry
  SourceLocation name_where;
  SourceLocation provider_where;
};

struct Variable {
  std::string name;   ///< as written: `batch-size`
  std::string value;  ///< the scalar's text, with its references to other variables
  SourceLocation where;
  SourceLocation value_where = {};
};

/// Variables by scope: a workflow's name, or "global".
using Variables = std::map<std::string, std::vector<Variable>, std::less<>>;

/// An error that need not stop a run of other workflows.
struct Finding {
  Error error;
  /// The workflow that it concerns; empty when it concerns the file as a whole, and so every run.
  /// What concerns no workflow that could run (an entry without a name) says here what it is, in a
  /// text that is not a valid name.
  std::string workflow;
  /// It is about the target of depends-on, which other values of the variables may change.
  bool about_dependencies = false;
};

struct Project {
  Path folder;       ///< real path of the folder that holds `.dstack`: what the project is known by
  Path root;         ///< of its code: `folder`, or the one above it that `root: ..` names
  std::string base;  ///< `folder` seen from `root`: where all paths are seen from; mostly empty
  std::vector<Workflow> workflows;  ///< in the order of the files; each name once
  Variables variables;
  std::vector<SecretReference> secrets;  ///< the same for all of its workflows
  std::vector<Finding> findings;
  /// Entries that nothing can run: without a name that could be one, which is then empty, and the
  /// second of a name. Kept so that the rest of what is wrong with them can be reported as well.
  std::vector<Workflow> without_place;
  bool defined = true;  ///< false: there is no `.dstack`; `run PROVIDER` works all the same

  const Workflow* find(std::string_view name) const;
  std::vector<std::string> workflow_names() const;
};

/// The nearest folder, from `from` upwards, that has `.dstack/workflows.yaml` (or `.yml`) or
/// `.dstack/workflows/`.
std::optional<Path> find_project(const Path& from);
/// configuration: the folder's `.dstack` is not believed (trust/belief.hpp), because another user
/// made it, or could change it.
Result<void> believe_project(const Path& root);
/// Reads the whole project, where it is believed. Fails on what leaves nothing to run (unreadable
/// files, YAML syntax); everything else is a finding. Cycles and references to unknown workflows
/// are findings of the workflows concerned; a tag may be one of a workflow that is not defined here
/// (`artifacts upload` makes such), so only the plan can judge those.
Result<Project> load_project(const Path& root);
/// The root of the code of the project in `folder`, as its files say now; `folder` where they
/// cannot be read.
Path code_root(const Path& folder);
/// Where that folder is in its code: Project::base.
std::string place_in_code(const Path& folder);
/// For a dependency on a workflow that is not among these names, with a suggestion.
Error unknown_dependency(const Dependency& dependency, const std::vector<std::string>& names);
/// The text of an entry of depends-on, without references.
Result<Dependency> parse_dependency(std::string_view text, const SourceLocation& where);
/// Another value for a variable of a workflow, or nothing: the files' value then holds.
using OtherValues =
    std::function<std::optional<std::string>(std::string_view workflow, std::string_view variable)>;
/// The project with `${{ name }}` in depends-on read with these values, and what is wrong with
/// where they lead among its findings; nothing when no entry of it refers to a variable.
std::optional<Project> with_other_values(const Project& project, const OtherValues& values);
/// A project with nothing in it, in `folder`.
Project undefined_project(const Path& folder);

}  // namespace dstack::config

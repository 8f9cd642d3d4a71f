// A project as its `.dstack` folder describes it: workflows and variables (spec, sections 2 to 4). What only a
// provider can judge (its properties) is not judged here.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dstack/base/file.hpp"
#include "dstack/config/value.hpp"

namespace dstack::config {

/// `download` or `download:latest`.
struct Dependency {
  std::string workflow;
  std::optional<std::string> tag;
  SourceLocation where;
};

struct Workflow {
  std::string name;
  std::string help;
  std::string provider;
  std::vector<Dependency> depends_on;
  Value properties;  ///< a mapping: every key that belongs to the provider or is common, as written
  SourceLocation where;           ///< the first line of its entry
  SourceLocation name_where;
  SourceLocation provider_where;
};

struct Variable {
  std::string name;   ///< as written: `batch-size`
  std::string value;  ///< the scalar's text
  SourceLocation where;
};

/// Variables by scope: a workflow's name, or "global".
using Variables = std::map<std::string, std::vector<Variable>, std::less<>>;

/// An error that need not stop a run of other workflows.
struct Finding {
  Error error;
  /// The workflow that it concerns; empty when it concerns the file as a whole, and so every run.
  std::string workflow;
};

struct Project {
  Path root;  ///< real path of the folder that holds `.dstack`
  std::vector<Workflow> workflows;
  Variables variables;
  std::vector<Finding> findings;
  bool defined = true;  ///< false: there is no `.dstack`; `run PROVIDER` works all the same

  const Workflow* find(std::string_view name) const;
  std::vector<std::string> workflow_names() const;
};

/// The nearest folder, from `from` upwards, that has `.dstack/workflows.yaml` or `.dstack/workflows/`.
std::optional<Path> find_project(const Path& from);
/// Reads the whole project. Fails on what leaves nothing to run (unreadable files, YAML syntax); everything else is
/// a finding. Cycles and references to unknown workflows are findings of the workflows concerned.
Result<Project> load_project(const Path& root);
/// A project with nothing in it, at `root`.
Project undefined_project(const Path& root);

}  // namespace dstack::config

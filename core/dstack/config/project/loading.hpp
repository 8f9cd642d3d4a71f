// The steps of load_project(), one for each kind of file and one for checks across files.
#pragma once

#include "dstack/config/project/interpolation.hpp"
#include "dstack/config/project/project.hpp"
#include "dstack/config/yaml/yaml.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dstack::config {

/// A suggestion compares a word with every name; a file with more wrong names than this is wrong in
/// another way.
inline constexpr std::size_t most_suggestions = 100;

/// Errors of a file that was read, each with the workflow it concerns (Finding::workflow).
class Findings {
 public:
  explicit Findings(std::vector<Finding>& findings) : findings_(findings) {}

  void add(std::string workflow, Error error) {
    findings_.push_back({std::move(error), std::move(workflow)});
  }

  /// All of an error with others in `also`.
  void add_all(const std::string& workflow, Error error);

 private:
  std::vector<Finding>& findings_;
};

/// Whether a root key is free for the user's own use, for anchors.
bool is_private_key(std::string_view key);
/// Reports the root's keys that are neither `expected` nor private, or that the root is not a map.
/// Returns the value of `expected`, or null where there is none or it is empty.
Value* read_root(ParsedYaml& file, std::string_view expected, Findings& findings);

/// The root key `root` of the workflow files: of all of them, one may have it.
class RootKey {
 public:
  /// Takes it out of the file, where there is one, and sets the project's root.
  void take(ParsedYaml& file, Project& project);

 private:
  std::optional<SourceLocation> first_;
};

/// A list `secrets`: the names in it. `workflow`: whose it is, for findings; empty: the file's.
std::vector<SecretReference> read_secret_names(const Value& value,
                                               const std::string& workflow,
                                               Findings& findings);
/// Takes the root key `secrets` out of a workflow file: its names are added to the project's.
void take_secret_names(ParsedYaml& file, Project& project);

/// The variables of the files that `workflow` sees, for the keys that the host reads itself. Refers
/// to the project. A variable with an `other` value has that one.
Scope file_scope(const Project& project,
                 const std::string& workflow,
                 const OtherValues& other = {});
/// Whether an entry of depends-on is one of the maps `{workflow: …, tag: …}`.
bool is_dependency_map(const Value& entry);
/// The text that such a map stands for: `download:latest`. Nothing when it is wrong, which is added
/// to the findings of `workflow`.
std::optional<std::string> dependency_text(const Value& map,
                                           Findings& findings,
                                           const std::string& workflow);
/// How to write an entry of depends-on that is no text and no such map.
std::string dependency_hint(const Value& entry);
/// For an entry of depends-on whose text is also that of another.
Error dependency_twice(const std::string& text, const SourceLocation& where);

/// Adds a file's workflows to the project. Needs the project's variables.
void add_workflows(ParsedYaml file, Project& project);

/// A key below `variables`.
struct VariableScope {
  std::string name;
  SourceLocation where;
};

/// Adds a file's variables to the project.
std::vector<VariableScope> add_variables(ParsedYaml file, Project& project);

/// Duplicate names; of these the first stays in the project.
void check_names(Project& project);
/// Dependencies on workflows that do not exist, and cycles.
void check_references(Project& project);
/// Scopes that are not workflows.
void check_scopes(const std::vector<VariableScope>& scopes, Project& project);
/// Names whose environment variables cannot be set, or collide.
void check_variables(Project& project);

}  // namespace dstack::config

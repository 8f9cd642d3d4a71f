// `${{ name }}` (spec, section 3).
#pragma once

#include "dstack/config/project/arguments.hpp"
#include "dstack/config/project/secret_reference.hpp"
#include "dstack/config/yaml/value.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::config {

/// Bytes that variables may add to the values of one workflow.
inline constexpr std::size_t most_text_of_variables = std::size_t{16} << 20U;

struct Scope {
  /// The value of a variable, or nothing.
  std::function<std::optional<std::string>(std::string_view name)> variable;
  std::vector<std::string> variable_names;  ///< for suggestions
  /// The workflow's own variables, for `${{ variables }}`; unset where that cannot be used.
  std::function<std::vector<NamedValue>()> own_variables;
  std::string run_name;
  std::vector<std::string> run_arguments;
  std::string run_project;  ///< the user's own folder, absolute
  /// For `${{ env.NAME }}`: the environment where the run is started. Unset: that cannot be used.
  std::function<std::optional<std::string>(const std::string& name)> environment;
  /// Whether the text of a member becomes arguments of a program. Such a text is split before
  /// anything is replaced, and is a list then. Unset: no member's is.
  std::function<bool(std::string_view key)> holds_arguments;
  /// Whether secrets may be named below a member. Unset: below no member.
  std::function<bool(std::string_view key)> holds_secrets;
  std::vector<std::string> secret_members;  ///< the names of those that may, for hints
};

/// A variable in a text that becomes arguments: one argument, although its value looks like
/// several.
struct WholeArgument {
  std::string key;  ///< of the text
  std::string variable;
  std::string value;
  SourceLocation where;
};

/// `${{ env.NAME }}` in the environment of a job, and its place.
struct EnvironmentReference {
  std::string name;
  SourceLocation where;
};

/// Who has to add a secret: a project for its workflows, the user for what holds in all projects.
enum class SecretOwner { project, user };

struct Interpolated {
  Value value;
  /// They stay in the value, each spelled as in config/project/secret_reference.hpp.
  std::vector<SecretReference> secrets;
  bool used_run_arguments = false;
  std::vector<WholeArgument> whole_arguments;
  std::vector<EnvironmentReference> environment;
};

/// What interpolate() makes, with nothing in the place of what it cannot replace.
struct PartlyInterpolated {
  Interpolated result;
  std::vector<Error> errors;
  /// The values in which something could not be replaced, and those that hold these.
  std::vector<SourceLocation> incomplete;
};

/// Replaces every reference below `value`; keys stay as they are. A scalar that holds a replacement
/// keeps its place, so an error in the result still points into the user's file, and counts as
/// plain even where the file needs quotes around it, so it takes whatever type its property
/// declares. Nothing in what replaces a reference is looked at again. All unknown names are
/// reported together. Whether secrets exist is not checked here.
Result<Interpolated> interpolate(const Value& value, const Scope& scope);
/// The same as far as it goes, for whoever looks for more that is wrong.
PartlyInterpolated interpolate_partly(const Value& value, const Scope& scope);
/// The same for the value of a variable, which may name other variables, and the run.
Result<Interpolated> interpolate_variable(const Value& text, const Scope& scope);
/// The same for a text in which secrets may be named, and nothing else.
Result<Interpolated> interpolate_secrets(const Value& text);

/// For a reference to a secret where none is allowed. `members`: of a workflow, where it is.
Error misplaced_secret(const SecretReference& reference,
                       const std::vector<std::string>& members = {"environment"});
/// For a reference to a secret that does not exist.
Error missing_secret(const SecretReference& reference,
                     const std::vector<std::string>& known,
                     SecretOwner owner);

}  // namespace dstack::config

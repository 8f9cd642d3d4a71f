// `${{ name }}` (spec, section 3).
#pragma once

#include "dstack/config/yaml/value.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::config {

struct Scope {
  /// The value of a variable, or nothing.
  std::function<std::optional<std::string>(std::string_view name)> variable;
  std::vector<std::string> variable_names;  ///< for suggestions
  std::string run_name;
  std::vector<std::string> run_arguments;
  std::string run_project;  ///< the user's own folder, absolute
};

/// `${{ secrets.NAME }}`, and its place.
struct SecretReference {
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
};

/// Replaces every reference below `value`; keys stay as they are. A scalar that holds a replacement
/// keeps its place, so an error in the result still points into the user's file, and counts as
/// plain even where the file needs quotes around it, so it takes whatever type its property
/// declares. All unknown names are reported together. Secrets may be named below the members
/// `environment` (or `env`), `registry_auth` and `headers` of a mapping alone; whether they exist
/// is not checked here.
Result<Interpolated> interpolate(const Value& value, const Scope& scope);
/// The same for a text in which secrets may be named, and nothing else.
Result<Interpolated> interpolate_secrets(const Value& text);

/// For a reference to a secret where none is allowed.
Error misplaced_secret(const SecretReference& reference);
/// For a reference to a secret that does not exist.
Error missing_secret(const SecretReference& reference,
                     const std::vector<std::string>& known,
                     SecretOwner owner);

}  // namespace dstack::config

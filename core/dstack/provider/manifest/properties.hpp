// The properties of one workflow, checked and typed by the manifest of its provider.
#pragma once

#include "dstack/base/environment_variable.hpp"
#include "dstack/config/yaml/value.hpp"
#include "dstack/provider/manifest/manifest.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dstack::provider {

struct CheckedProperties {
  /// By canonical name, typed as PropertyType says, defaults filled in. Properties without value or
  /// default are not there.
  Json values = Json::object();
  /// The place of the value of each property that was given, by canonical name; also of each
  /// element of a list ("artifacts.0") and each member of a map ("resources.gpu",
  /// "resources.gpu.count").
  std::map<std::string, SourceLocation, std::less<>> where;
  /// Those of the artifacts that a job may end without.
  std::vector<std::string> optional_artifacts;
  /// Each variable of `environment` with its place; NAME alone has taken the caller's value.
  std::map<std::string, SourceLocation, std::less<>> environment_where;
  /// Those of them with nothing behind their name, which are empty.
  std::vector<std::string> without_value;
  /// NAME alone in `environment` that the caller does not have, and its place: jobs do not have it,
  /// either.
  std::vector<std::pair<std::string, SourceLocation>> unset;
};

/// The name of the source that the words of a `dstack run` are: a property that is missing there is
/// given by an option.
inline constexpr const char* command_line_name = "command line";

/// The caller's environment: the value of a variable, or nothing.
using CallerEnvironment = std::function<std::optional<std::string>(const std::string& name)>;

/// `properties` is a mapping after interpolation. `entry` is where a missing property is reported.
/// All errors are reported together: unknown keys (with a suggestion), the same property twice
/// under two names, wrong types, reserved names in `environment`. A NAME alone in `environment`
/// that the caller does not have is left out. `base` is the folder from which the paths are seen,
/// itself seen from the root of the code, as all paths are in `values`.
Result<CheckedProperties> check_properties(const Manifest& manifest,
                                           const config::Value& properties,
                                           const SourceLocation& entry,
                                           std::string_view workflow,
                                           const CallerEnvironment& caller = environment_variable,
                                           std::string_view base = {});

/// The resources map of `values` as a value; {} when there is none.
Json resources_of(const CheckedProperties& properties);

}  // namespace dstack::provider

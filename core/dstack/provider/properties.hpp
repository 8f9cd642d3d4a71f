// The properties of one workflow, checked and typed by the manifest of its provider.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "dstack/config/value.hpp"
#include "dstack/provider/manifest.hpp"

namespace dstack::provider {

struct CheckedProperties {
  /// By canonical name, typed as PropertyType says, defaults filled in. Properties without value or default are
  /// not there.
  Json values = Json::object();
  /// Where each property that was given stands, by canonical name.
  std::map<std::string, SourceLocation, std::less<>> where;
  /// Each variable of `environment` with its place; NAME alone has taken the caller's value.
  std::map<std::string, SourceLocation, std::less<>> environment_where;
};

/// `properties` is a mapping after interpolation. `entry` is where a missing property is reported. All errors are
/// reported together: unknown keys (with a suggestion), the same property twice under two names, wrong types.
Result<CheckedProperties> check_properties(const Manifest& manifest,
                                           const config::Value& properties,
                                           const SourceLocation& entry,
                                           std::string_view workflow);

/// The resources map of `values` as a value; {} when there is none.
Json resources_of(const CheckedProperties& properties);

}  // namespace dstack::provider

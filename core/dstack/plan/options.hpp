// The options of a provider, and how they change the properties of the named workflow. Options are
// derived from the manifest: nothing here depends on a provider.
#pragma once

#include "dstack/config/yaml/value.hpp"
#include "dstack/provider/manifest/manifest.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dstack::plan {

struct Option {
  const provider::Flag* flag = nullptr;
  const provider::Property* property = nullptr;
  const provider::ResourceFlag* resource =
      nullptr;  ///< sets one key of `property`, the resources map

  /// `--interruptible` takes none.
  bool takes_value() const;
  const std::string& help() const;
};

/// The manifest's flags and, where it has a resources map, those of its keys.
std::vector<Option> options_of(const provider::Manifest& manifest);
/// By `--name` or `-n`; null when there is none.
const Option* find_option(const std::vector<Option>& options, std::string_view name);
/// "-r, --requirements FILE".
std::string render_syntax(const Option& option);

/// A value for one key of the resources map.
struct ResourceSetting {
  const Option* option = nullptr;
  config::Value value;
};

/// What options and positional arguments set of the properties. By canonical name; a later one
/// replaces an earlier one.
struct PropertySettings {
  std::vector<config::Member> properties;
  std::vector<ResourceSetting> resources;

  bool empty() const { return properties.empty() && resources.empty(); }

  void set(const provider::Property& property, config::Value value);
  /// Adds to the list that makes up the property.
  void append(const provider::Property& property, config::Value element);
};

/// Puts the settings into a workflow's properties, in place of what its file says.
void apply_settings(const PropertySettings& settings,
                    const provider::Manifest& manifest,
                    config::Value& properties);

/// Adds the arguments after `--` to the property that takes them; false when the provider has none.
bool append_arguments(const std::vector<std::string>& arguments,
                      const SourceLocation& where,
                      const provider::Manifest& manifest,
                      config::Value& properties);

/// Whether two keys are equal, with `-` and `_` taken as the same.
bool same_key(std::string_view a, std::string_view b);
/// The member of a property by any of its names; null when it is not given.
const config::Member* find_member(const config::Value& properties,
                                  const provider::Property& property);
/// The manifest's first property of a type; null when it has none.
const provider::Property* property_of_type(const provider::Manifest& manifest,
                                           provider::PropertyType type);

}  // namespace dstack::plan

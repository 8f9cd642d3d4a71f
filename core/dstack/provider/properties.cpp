#include "dstack/provider/properties.hpp"

#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/provider/typed_value.hpp"

#include <cstdlib>
#include <set>

namespace dstack::provider {

namespace {

/// Keys of a workflow that are the host's own; known here only so that a slip of the pen in one of
/// them gets the right suggestion.
constexpr std::string_view keys_of_the_host[] = {"name", "provider", "help", "depends-on", "deps"};

/// An entry without a name has properties, too.
std::string named(std::string_view workflow) {
  return workflow.empty() ? std::string("the workflow")
                          : "workflow '" + std::string(workflow) + "'";
}

/// Of all properties, aliases included.
std::vector<std::string> names_of(const Manifest& manifest) {
  std::vector<std::string> names;
  for (const Property& property : manifest.properties) {
    names.push_back(property.name);
    names.insert(names.end(), property.aliases.begin(), property.aliases.end());
  }
  return names;
}

Error unknown_property(const Manifest& manifest,
                       const config::Member& member,
                       std::string_view workflow) {
  std::vector<std::string> names = names_of(manifest);
  std::vector<std::string> canonical;
  for (const Property& property : manifest.properties)
    canonical.push_back(property.name);
  names.insert(names.end(), std::begin(keys_of_the_host), std::end(keys_of_the_host));
  std::string hint = did_you_mean(normal_key(member.key), names);
  if (hint.empty())
    hint = "provider '" + manifest.name + "' takes " + quoted_list(canonical, 20);
  return Error{ErrorCode::configuration,
               named(workflow) + " has no property '" + printable(member.key) + "'",
               member.key_where,
               std::move(hint),
               {},
               {}};
}

Error given_twice(const Property& property,
                  const config::Member& member,
                  const config::Member& first) {
  std::string message = "'" + printable(member.key) + "' is the same property as '" +
                        printable(first.key) + "', which is given already";
  if (first.key_where.source)
    message += " in line " + std::to_string(first.key_where.line);
  return Error{ErrorCode::configuration,
               std::move(message),
               member.key_where,
               "keep one of them; the property's name is '" + property.name + "'",
               {},
               {}};
}

Error missing(const Manifest& manifest,
              const Property& property,
              const SourceLocation& where,
              std::string_view workflow) {
  std::string hint = "add '" + property.name + ": …'";
  if (!property.help.empty())
    hint += " (" + property.help + ")";
  return Error{ErrorCode::configuration,
               named(workflow) + " lacks '" + property.name + "', which provider '" +
                   manifest.name + "' requires",
               where,
               std::move(hint),
               {},
               {}};
}

bool is_empty(const Json& value) {
  return value.is_string() ? value.get_ref<const std::string&>().empty()
                           : (value.is_structured() && value.empty());
}

}  // namespace

std::optional<std::string> variable_of_this_process(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

Result<CheckedProperties> check_properties(const Manifest& manifest,
                                           const config::Value& properties,
                                           const SourceLocation& entry,
                                           std::string_view workflow,
                                           const CallerEnvironment& caller) {
  CheckedProperties checked;
  std::vector<Error> errors;
  ValueTyper typer(workflow, caller, checked, errors);
  std::map<const Property*, const config::Member*> given;
  std::set<const Property*> guessed;  ///< what an unknown key may have been meant to be
  for (const config::Member& member : properties.members) {
    const Property* property = manifest.find(member.key);
    if (property == nullptr) {
      errors.push_back(unknown_property(manifest, member, workflow));
      for (const std::string& name : closest(normal_key(member.key), names_of(manifest)))
        guessed.insert(manifest.find(name));
      continue;
    }
    if (const auto [first, is_new] = given.emplace(property, &member); !is_new) {
      errors.push_back(given_twice(*property, member, *first->second));
      continue;
    }
    const std::size_t before = errors.size();
    Json value = typer.type(*property, member.value);
    if (property->required && errors.size() == before && (value.is_null() || is_empty(value)))
      errors.push_back(Error{ErrorCode::configuration,
                             "'" + property->name + "' of " + named(workflow) + " is empty",
                             value.is_null() ? member.key_where : member.value.where,
                             property->help,
                             {},
                             {}});
    if (!value.is_null())
      checked.values[property->name] = std::move(value);
  }
  for (const Property& property : manifest.properties) {
    if (property.required && !given.contains(&property) && !guessed.contains(&property))
      errors.push_back(missing(manifest, property, entry, workflow));
    if (!property.default_value.is_null() && !checked.values.contains(property.name))
      checked.values[property.name] = property.default_value;
  }
  if (!errors.empty())
    return fail(join(std::move(errors)));
  return checked;
}

Json resources_of(const CheckedProperties& properties) {
  const Json* resources = json_member(properties.values, "resources");
  return resources != nullptr ? *resources : Json::object();
}

}  // namespace dstack::provider

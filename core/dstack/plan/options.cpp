#include "dstack/plan/options.hpp"

#include "dstack/base/text.hpp"

#include <algorithm>

namespace dstack::plan {

namespace {

using config::Member;
using config::Value;
using config::ValueKind;

bool names(const provider::Property& property, std::string_view key) {
  return same_key(property.name, key) ||
         std::any_of(property.aliases.begin(),
                     property.aliases.end(),
                     [&](const std::string& alias) { return same_key(alias, key); });
}

Member* find_key(Value& mapping, std::string_view key) {
  for (Member& member : mapping.members)
    if (same_key(member.key, key))
      return &member;
  return nullptr;
}

/// The member of a mapping, made as null where it is missing.
Value& member_of(Value& mapping, std::string_view key, const SourceLocation& where) {
  if (Member* found = find_key(mapping, key))
    return found->value;
  Value missing;
  missing.where = where;
  mapping.members.push_back({std::string(key), where, std::move(missing)});
  return mapping.members.back().value;
}

/// Makes the value a mapping: `gpu: 2` is short for `gpu: {count: 2}`. False when that is not
/// possible.
bool become_mapping(Value& value, std::string_view short_for) {
  if (value.kind == ValueKind::mapping)
    return true;
  if (value.kind == ValueKind::sequence || (value.kind == ValueKind::scalar && short_for.empty()))
    return false;
  Value mapping = config::make_mapping(value.where);
  if (value.kind == ValueKind::scalar) {
    const SourceLocation where = value.where;
    mapping.members.push_back({std::string(short_for), where, std::move(value)});
  }
  value = std::move(mapping);
  return true;
}

/// Resources that are not a map are left unchanged: checking the properties reports them.
void apply_resource(const ResourceSetting& setting, Value& properties) {
  const provider::Property& property = *setting.option->property;
  const auto given =
      std::find_if(properties.members.begin(), properties.members.end(), [&](const Member& member) {
        return names(property, member.key);
      });
  Value* at = given == properties.members.end()
                  ? &member_of(properties, property.name, setting.value.where)
                  : &given->value;
  const auto keys = split(setting.option->resource->key, '.');
  if (!become_mapping(*at, {}))
    return;
  for (std::size_t i = 0; i + 1 < keys.size(); ++i) {
    at = &member_of(*at, keys[i], setting.value.where);
    if (!become_mapping(*at, "count"))
      return;
  }
  Value& place = member_of(*at, keys.back(), setting.value.where);
  // `--gpu 2` over `gpu: {count: 1, name: V100}` changes only the count, and so does a key written
  // as `gpu`.
  if (place.kind == ValueKind::mapping)
    member_of(place, "count", setting.value.where) = setting.value;
  else
    place = setting.value;
}

bool is_set(const PropertySettings& settings, std::string_view property) {
  return std::any_of(settings.properties.begin(),
                     settings.properties.end(),
                     [&](const Member& member) { return member.key == property; });
}

}  // namespace

bool same_key(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return x == y || ((x == '-' || x == '_') && (y == '-' || y == '_'));
  });
}

bool Option::takes_value() const {
  return resource != nullptr || property->type != provider::PropertyType::boolean;
}

const std::string& Option::help() const {
  return resource ? resource->help : property->help;
}

std::vector<Option> options_of(const provider::Manifest& manifest) {
  std::vector<Option> options;
  const provider::Property* resources = nullptr;
  for (const provider::Property& property : manifest.properties) {
    if (property.flag)
      options.push_back({&*property.flag, &property, nullptr});
    if (property.type == provider::PropertyType::resources)
      resources = &property;
  }
  if (resources != nullptr)
    for (const provider::ResourceFlag& resource : provider::resource_flags())
      options.push_back({&resource.flag, resources, &resource});
  return options;
}

const Option* find_option(const std::vector<Option>& options, std::string_view name) {
  for (const Option& option : options)
    if (option.flag->name == name || (!name.empty() && option.flag->short_name == name))
      return &option;
  return nullptr;
}

std::string render_syntax(const Option& option) {
  std::string syntax = option.flag->short_name.empty()
                           ? std::string()
                           : fmt::format("{}, ", option.flag->short_name);
  syntax += option.flag->name;
  if (!option.takes_value())
    return syntax;
  if (option.resource == nullptr && !option.property->choices.empty())
    return fmt::format("{} {}", syntax, join(option.property->choices, "|"));
  syntax += fmt::format(" {}", option.flag->value_name.empty() ? "VALUE" : option.flag->value_name);
  return syntax;
}

void PropertySettings::set(const provider::Property& property, Value value) {
  const SourceLocation where = value.where;
  for (Member& member : properties)
    if (member.key == property.name) {
      member.value = std::move(value);
      return;
    }
  properties.push_back({property.name, where, std::move(value)});
}

void PropertySettings::append(const provider::Property& property, Value element) {
  for (Member& member : properties)
    if (member.key == property.name && member.value.kind == ValueKind::sequence) {
      member.value.elements.push_back(std::move(element));
      return;
    }
  const SourceLocation where = element.where;
  std::vector<Value> elements;
  elements.push_back(std::move(element));
  set(property, config::make_sequence(std::move(elements), where));
}

void apply_settings(const PropertySettings& settings,
                    const provider::Manifest& manifest,
                    Value& properties) {
  for (const Member& setting : settings.properties) {
    const provider::Property* property = manifest.find(setting.key);
    const auto* group = property == nullptr ? nullptr : manifest.group_of(property->name);
    // What excludes it, too, unless the command line has set both.
    const auto gives_way = [&](const Member& member) {
      const provider::Property* other = manifest.find(member.key);
      return group != nullptr && other != nullptr && !is_set(settings, other->name) &&
             std::find(group->begin(), group->end(), other->name) != group->end();
    };
    std::erase_if(properties.members, [&](const Member& member) {
      return property != nullptr && (names(*property, member.key) || gives_way(member));
    });
    properties.members.push_back(setting);
  }
  for (const ResourceSetting& setting : settings.resources)
    apply_resource(setting, properties);
}

bool append_arguments(const std::vector<std::string>& arguments,
                      const SourceLocation& where,
                      const provider::Manifest& manifest,
                      Value& properties) {
  const provider::Property* property =
      property_of_type(manifest, provider::PropertyType::arguments);
  if (property == nullptr)
    return false;
  Member* given = nullptr;
  for (Member& member : properties.members)
    if (names(*property, member.key))
      given = &member;
  if (given != nullptr && given->value.kind == ValueKind::scalar) {
    // One string is split as a shell does, so what is appended is quoted for a shell.
    given->value.text += fmt::format(" {}", shell_join(arguments));
    return true;
  }
  if (given != nullptr && given->value.kind == ValueKind::mapping)
    return true;  // wrong already, and reported as such
  Value& list = given ? given->value : member_of(properties, property->name, where);
  if (list.kind == ValueKind::null)
    list = config::make_sequence({}, where);
  for (const std::string& argument : arguments) {
    Value element = config::make_scalar(argument, where);
    element.quoted = true;
    list.elements.push_back(std::move(element));
  }
  return true;
}

const Member* find_member(const Value& properties, const provider::Property& property) {
  for (const Member& member : properties.members)
    if (names(property, member.key))
      return &member;
  return nullptr;
}

const provider::Property* property_of_type(const provider::Manifest& manifest,
                                           provider::PropertyType type) {
  for (const provider::Property& property : manifest.properties)
    if (property.type == type)
      return &property;
  return nullptr;
}

}  // namespace dstack::plan

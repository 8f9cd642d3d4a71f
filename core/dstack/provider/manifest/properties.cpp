#include "dstack/provider/manifest/properties.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/provider/manifest/typed_value.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace dstack::provider {

namespace {

/// Keys of a workflow that are the host's own; known here only so that a misspelling of one of them
/// gets the right suggestion.
constexpr std::string_view keys_of_the_host[] = {
    "name", "provider", "help", "depends-on", "deps", "secrets"};

/// An entry without a name has properties, too.
std::string named(std::string_view workflow) {
  return workflow.empty() ? std::string("the workflow") : fmt::format("workflow '{}'", workflow);
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

/// What other runners call keys of the host and members of `resources`; for properties their
/// manifests say it (Property::suggest_for).
constexpr std::pair<std::string_view, std::string_view> names_elsewhere[] = {
    {"python_version", "python"},
    {"needs", "depends-on"},
    {"depends", "depends-on"},
    {"after", "depends-on"},
    {"dependencies", "depends-on"},
    {"mem", "memory"},
    {"mem_limit", "memory"},
    {"memory_limit", "memory"},
    {"ram", "memory"},
    {"gpus", "gpu"},
    {"num_gpus", "gpu"},
    {"gpu_count", "gpu"},
    {"accelerators", "gpu"},
    {"cpus", "cpu"},
    {"cores", "cpu"},
    {"num_cpus", "cpu"},
    {"shm", "shm_size"}};

constexpr std::string_view data_of_jobs =
    "'inputs: [{path: /data/images, at: images, link: true}]' makes data readable in the job, at "
    "'images' below its folder and without copying; code and the artifacts of 'depends-on' are "
    "there anyway, and 'artifacts' lists what is saved";

constexpr std::string_view setting_of_the_home =
    "it is a setting for all projects: write it into config.yaml of dstack's home, ~/.dstack";

/// Features without a property, and what to use instead.
constexpr std::pair<std::string_view, std::string_view> done_otherwise[] = {
    {"port",
     "a port is chosen when the job starts: the job finds it in JOB_PORT_0, and 'dstack show' "
     "shows the address"},
    {"volumes", data_of_jobs},
    {"volume", data_of_jobs},
    {"mounts", data_of_jobs},
    {"mount", data_of_jobs},
    {"binds", data_of_jobs},
    {"tag", "'dstack run NAME --tag TAG' tags what a run saves"},
    {"keep_changes", setting_of_the_home},
    {"log_limit", setting_of_the_home},
    {"stop_grace", setting_of_the_home},
    {"snapshot_file_limit", setting_of_the_home},
    {"on_end", setting_of_the_home},
    {"trust", setting_of_the_home},
    {"privileges",
     "only containers have privileges that can be given back; 'sandbox' says what a local job is "
     "kept from"},
    {"schedule", "use cron or a systemd timer that starts 'dstack run NAME -d'"}};

template <std::size_t Count>
std::string_view find_in(const std::pair<std::string_view, std::string_view> (&table)[Count],
                         std::string_view key) {
  const auto* found = std::find_if(
      std::begin(table), std::end(table), [&](const auto& entry) { return entry.first == key; });
  return found == std::end(table) ? std::string_view() : found->second;
}

/// How to write a member of `resources` that was written beside it.
std::string below_resources(const Manifest& manifest, std::string_view key) {
  const std::vector<std::string> names = ValueTyper::resource_names();
  const auto* resources = manifest.find("resources");
  if (resources == nullptr || std::find(names.begin(), names.end(), key) == names.end())
    return {};
  return fmt::format("write 'resources: {{{}: …}}'", key);
}

/// The properties for which a manifest wants to be suggested.
std::vector<std::string> suggested_for(const Manifest& manifest, std::string_view key) {
  std::vector<std::string> suggested;
  for (const Property& property : manifest.properties)
    for (const std::string& name : property.suggest_for)
      if (normal_key(name) == key)
        suggested.push_back(property.name);
  return suggested;
}

/// What an unknown key may have been meant to be.
std::vector<std::string> meant_by(const Manifest& manifest,
                                  std::string_view key,
                                  const std::vector<std::string>& names) {
  std::vector<std::string> meant = suggested_for(manifest, key);
  for (const auto& [elsewhere, name] : names_elsewhere)
    if (meant.empty() && elsewhere == key &&
        std::find(names.begin(), names.end(), name) != names.end())
      meant.emplace_back(name);
  return meant.empty() ? closest(key, names) : meant;
}

std::string hint_for_unknown(const Manifest& manifest, std::string_view key) {
  const std::string_view elsewhere = find_in(names_elsewhere, key);
  if (std::string hint = below_resources(manifest, elsewhere.empty() ? key : elsewhere);
      !hint.empty())
    return hint;
  const std::vector<std::string> suggested = suggested_for(manifest, key);
  for (const std::string& name : suggested)
    if (const Property* property = manifest.find(name); !property->hint.empty())
      return property->hint;
  if (const std::string_view sentence = find_in(done_otherwise, key);
      !sentence.empty() && suggested.empty())
    return std::string(sentence);
  std::vector<std::string> names = names_of(manifest);
  names.insert(names.end(), std::begin(keys_of_the_host), std::end(keys_of_the_host));
  if (std::string hint = did_you_mean(meant_by(manifest, key, names)); !hint.empty())
    return hint;
  std::vector<std::string> canonical;
  for (const Property& property : manifest.properties)
    canonical.push_back(property.name);
  return fmt::format("provider '{}' takes {}", manifest.name, quoted_list(canonical, 20));
}

Error unknown_property(const Manifest& manifest,
                       const config::Member& member,
                       std::string_view workflow) {
  return make_error(ErrorCode::configuration,
                    "{} has no property '{}'",
                    named(workflow),
                    printable(member.key))
      .at(member.key_where)
      .with_hint("{}", hint_for_unknown(manifest, normal_key(member.key)));
}

Error given_twice(const Property& property,
                  const config::Member& member,
                  const config::Member& first) {
  std::string message = fmt::format("'{}' is the same property as '{}', which is already given",
                                    printable(member.key),
                                    printable(first.key));
  if (first.key_where.source)
    message += fmt::format(" in line {}", first.key_where.line);
  return make_error(ErrorCode::configuration, "{}", message)
      .at(member.key_where)
      .with_hint("keep one of them; the property's name is '{}'", property.name);
}

/// How to give a property on the command line, where only properties can be given that way.
std::string how_to_type(const Manifest& manifest, const Property& property) {
  const std::string value = property.flag && !property.flag->value_name.empty()
                                ? property.flag->value_name
                                : to_upper(property.name);
  if (property.positional || !property.flag)
    return fmt::format("write 'dstack run {} {}'", manifest.name, value);
  const std::string& shortest =
      property.flag->short_name.empty() ? property.flag->name : property.flag->short_name;
  return fmt::format("add '{} {}'", shortest, value);
}

Error missing(const Manifest& manifest,
              const Property& property,
              const SourceLocation& where,
              std::string_view workflow) {
  const bool is_typed = where.source && where.source->name == command_line_name;
  std::string hint =
      is_typed ? how_to_type(manifest, property) : fmt::format("add '{}: …'", property.name);
  if (!property.help.empty())
    hint += fmt::format(" ({})", property.help);
  return make_error(ErrorCode::configuration,
                    "{} lacks '{}', which provider '{}' requires",
                    named(workflow),
                    property.name,
                    manifest.name)
      .at(where)
      .with_hint("{}", hint);
}

bool is_empty(const Json& value) {
  return value.is_string() ? value.get_ref<const std::string&>().empty()
                           : (value.is_structured() && value.empty());
}

/// "'a' or 'b'".
std::string either(const std::vector<std::string>& names) {
  std::vector<std::string> quoted;
  for (const std::string& name : names)
    quoted.push_back("'" + name + "'");
  return join(quoted, " or ");
}

Error missing_group(const Manifest& manifest,
                    const std::vector<std::string>& group,
                    const SourceLocation& where,
                    std::string_view workflow) {
  const bool is_typed = where.source && where.source->name == command_line_name;
  std::vector<std::string> ways;
  for (const std::string& name : group) {
    const Property& property = *manifest.find(name);
    ways.push_back(
        fmt::format("{} ({})",
                    is_typed ? how_to_type(manifest, property) : fmt::format("'{}: …'", name),
                    property.help));
  }
  return make_error(ErrorCode::configuration,
                    "{} lacks {}: provider '{}' requires one of them",
                    named(workflow),
                    either(group),
                    manifest.name)
      .at(where)
      .with_hint("{}{}", is_typed ? "" : "add ", join(ways, " or "));
}

/// Each group of properties that exclude each other: exactly one is there.
class GroupCheck {
 public:
  GroupCheck(const Manifest& manifest, const CheckedProperties& checked)
      : manifest_(manifest), checked_(checked) {}

  /// `tried`: those that are there but wrong, or misspelt.
  void run(const SourceLocation& entry,
           std::string_view workflow,
           const std::set<const Property*>& tried,
           std::vector<Error>& errors) const {
    for (const auto& group : manifest_.one_of) {
      const std::vector<std::string> given = given_of(group);
      const bool any_tried = std::any_of(group.begin(), group.end(), [&](const auto& name) {
        return tried.contains(manifest_.find(name));
      });
      if (given.empty() && !any_tried)
        errors.push_back(missing_group(manifest_, group, entry, workflow));
      for (std::size_t i = 1; i < given.size(); ++i)
        errors.push_back(make_error(ErrorCode::configuration,
                                    "{} has both '{}' and '{}', which exclude each other",
                                    named(workflow),
                                    given.front(),
                                    given[i])
                             .at(place_of(given[i], entry))
                             .with_hint("keep one of them"));
    }
  }

 private:
  std::vector<std::string> given_of(const std::vector<std::string>& group) const {
    std::vector<std::string> given;
    for (const std::string& name : group)
      if (const Json* value = json_member(checked_.values, name);
          value != nullptr && !is_empty(*value))
        given.push_back(name);
    return given;
  }

  SourceLocation place_of(const std::string& name, const SourceLocation& entry) const {
    const auto found = checked_.where.find(name);
    return found == checked_.where.end() ? entry : found->second;
  }

  const Manifest& manifest_;
  const CheckedProperties& checked_;
};

/// Seen from the root of the code; `base` where none is given, or none that can be.
std::string working_dir_of(const config::Value& properties, std::string_view base) {
  for (const config::Member& member : properties.members)
    if (normal_key(member.key) == "working_dir")
      if (auto folder = resolve_path(base, member.value.text))
        return *std::move(folder);
  return std::string(base);
}

}  // namespace

Result<CheckedProperties> check_properties(const Manifest& manifest,
                                           const config::Value& properties,
                                           const SourceLocation& entry,
                                           std::string_view workflow,
                                           const CallerEnvironment& caller,
                                           std::string_view base) {
  CheckedProperties checked;
  std::vector<Error> errors;
  const PathOrigins origins{std::string(base), working_dir_of(properties, base)};
  ValueTyper typer(workflow, caller, origins, checked, errors);
  std::map<const Property*, const config::Member*> given;
  std::set<const Property*> guessed;  ///< what an unknown key may have been meant to be
  for (const config::Member& member : properties.members) {
    const Property* property = manifest.find(member.key);
    if (property == nullptr) {
      errors.push_back(unknown_property(manifest, member, workflow));
      for (const std::string& name : meant_by(manifest, normal_key(member.key), names_of(manifest)))
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
      errors.push_back(
          make_error(
              ErrorCode::configuration, "'{}' of {} is empty", property->name, named(workflow))
              .at(value.is_null() ? member.key_where : member.value.where)
              .with_hint("{}", property->help));
    if (!value.is_null())
      checked.values[property->name] = std::move(value);
  }
  for (const Property& property : manifest.properties) {
    if (property.required && !given.contains(&property) && !guessed.contains(&property))
      errors.push_back(missing(manifest, property, entry, workflow));
    if (!property.default_value.is_null() && !checked.values.contains(property.name))
      checked.values[property.name] = property.default_value;
  }
  for (const auto& [property, member] : given)
    if (member->value.kind != config::ValueKind::null)
      guessed.insert(property);
  GroupCheck(manifest, checked).run(entry, workflow, guessed, errors);
  if (!base.empty() && manifest.find("working_dir") != nullptr &&
      !checked.values.contains("working_dir"))
    checked.values["working_dir"] = origins.base;
  if (!errors.empty())
    return fail(join(std::move(errors)));
  return checked;
}

Json resources_of(const CheckedProperties& properties) {
  const Json* resources = json_member(properties.values, "resources");
  return resources != nullptr ? *resources : Json::object();
}

}  // namespace dstack::provider

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
constexpr std::string_view keys_of_the_host[] = {"name", "provider", "help", "depends-on", "deps"};

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

/// What other runners call a property; of several, those that the provider has are meant.
constexpr std::pair<std::string_view, std::string_view> names_elsewhere[] = {
    {"cmd", "commands"},
    {"cmd", "file"},
    {"command", "commands"},
    {"command", "file"},
    {"run", "commands"},
    {"run", "file"},
    {"script", "commands"},
    {"script", "target"},
    {"entrypoint", "commands"},
    {"entrypoint", "file"},
    {"entrypoint", "target"},
    {"main", "file"},
    {"main", "target"},
    {"program", "file"},
    {"steps", "commands"},
    {"arguments", "args"},
    {"argv", "args"},
    {"params", "args"},
    {"parameters", "args"},
    {"cwd", "working_dir"},
    {"wdir", "working_dir"},
    {"workdir", "working_dir"},
    {"dir", "working_dir"},
    {"directory", "working_dir"},
    {"working_directory", "working_dir"},
    {"env_vars", "environment"},
    {"envs", "environment"},
    {"env_files", "env_file"},
    {"dotenv", "env_file"},
    {"envfile", "env_file"},
    {"input", "inputs"},
    {"input_files", "inputs"},
    {"data", "inputs"},
    {"files", "inputs"},
    {"variables", "environment"},
    {"needs", "depends-on"},
    {"depends", "depends-on"},
    {"after", "depends-on"},
    {"dependencies", "depends-on"},
    {"out", "artifacts"},
    {"outs", "artifacts"},
    {"output", "artifacts"},
    {"outputs", "artifacts"},
    {"results", "artifacts"},
    {"save", "artifacts"},
    {"pip", "requirements"},
    {"python_version", "python"},
    {"packages", "requirements"},
    {"retries", "retry"},
    {"restart", "retry"},
    {"max_retries", "retry"},
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
    {"shm", "shm_size"},
    {"time_limit", "timeout"},
    {"container", "image"},
    {"image_name", "image"}};

/// Features without a property, and what to use instead.
constexpr std::pair<std::string_view, std::string_view> done_otherwise[] = {
    {"port",
     "a port is chosen when the job starts: the job finds it in JOB_PORT_0, and 'dstack show' "
     "shows the address"},
    {"volumes",
     "a job gets a copy of the code, of the artifacts of the workflows in 'depends-on' and of what "
     "'inputs' lists, with 'link: true' without copying, and saves what 'artifacts' lists"},
    {"mounts",
     "'inputs: [{path: /data/images, at: images, link: true}]' makes it readable in the job, "
     "without copying"},
    {"secrets",
     "a job has the project's secrets as environment variables; 'dstack secrets add NAME' adds "
     "one"},
    {"tag", "'dstack run NAME --tag TAG' tags what a run saves"},
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

/// What an unknown key may have been meant to be.
std::vector<std::string> meant_by(std::string_view key, const std::vector<std::string>& names) {
  std::vector<std::string> meant;
  for (const auto& [elsewhere, name] : names_elsewhere)
    if (elsewhere == key && std::find(names.begin(), names.end(), name) != names.end())
      meant.emplace_back(name);
  return meant.empty() ? closest(key, names) : meant;
}

std::string hint_for_unknown(const Manifest& manifest, std::string_view key) {
  const std::string_view elsewhere = find_in(names_elsewhere, key);
  if (std::string hint = below_resources(manifest, elsewhere.empty() ? key : elsewhere);
      !hint.empty())
    return hint;
  if (const std::string_view sentence = find_in(done_otherwise, key); !sentence.empty())
    return std::string(sentence);
  std::vector<std::string> names = names_of(manifest);
  names.insert(names.end(), std::begin(keys_of_the_host), std::end(keys_of_the_host));
  if (std::string hint = did_you_mean(meant_by(key, names)); !hint.empty())
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

/// Seen from the root of the code; `base` where none is given, or none that can be.
std::string working_dir_of(const config::Value& properties, std::string_view base) {
  for (const config::Member& member : properties.members)
    if (normal_key(member.key) == "working_dir")
      if (auto folder = resolve_path(base, member.value.text))
        return *std::move(folder);
  return std::string(base);
}

bool is_empty(const Json& value) {
  return value.is_string() ? value.get_ref<const std::string&>().empty()
                           : (value.is_structured() && value.empty());
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
      for (const std::string& name : meant_by(normal_key(member.key), names_of(manifest)))
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

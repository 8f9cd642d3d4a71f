#include "dstack/provider/manifest/typed_value.hpp"

#include "dstack/base/path.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/shell_variable.hpp"
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/yaml/misread.hpp"
#include "dstack/job/environment_names.hpp"
#include "dstack/provider/manifest/values_elsewhere.hpp"

#include <algorithm>
#include <limits>
#include <unordered_set>
#include <utility>

namespace dstack::provider {

namespace {

/// Adds a member that is not there yet: without looking through all that are, as `[]` does.
void add_new(Json& map, std::string_view name, Json value) {
  map.get_ref<Json::object_t&>().emplace_back(std::string(name), std::move(value));
}

using config::Value;
using config::ValueKind;

std::optional<std::int64_t> parse_integer(std::string_view text) {
  if (text.starts_with('+') && text.size() > 1 && text[1] != '-')
    text.remove_prefix(1);
  return parse_number<std::int64_t>(text);
}

/// What lies beside the project becomes a part of it.
std::string hint_of_monorepo() {
  return "only what is in the project can be used; to add what is beside it, write 'root: ..' at "
         "the top of workflows.yaml, or move '.dstack' to the folder above and set 'working_dir'";
}

std::string join_name(const std::string& name, std::string_view member) {
  return name + "." + std::string(member);
}

}  // namespace

std::string quoted_excerpt(std::string_view text) {
  constexpr std::size_t longest_quote = 60;
  std::string shown = printable(text.substr(0, longest_quote));
  if (text.size() > longest_quote)
    shown += "…";
  return "'" + shown + "'";
}

std::string describe_excerpt(const Value& value) {
  return value.kind == ValueKind::scalar ? quoted_excerpt(value.text)
                                         : std::string(config::describe(value));
}

std::string normal_key(std::string_view key) {
  std::string normal(key);
  std::replace(normal.begin(), normal.end(), '-', '_');
  return normal;
}

Value value_of(const Json& json) {
  Value value;
  if (json.is_array()) {
    value.kind = ValueKind::sequence;
    for (const Json& element : json)
      value.elements.push_back(value_of(element));
  } else if (json.is_object()) {
    value.kind = ValueKind::mapping;
    for (const auto& [key, member] : json.items())
      value.members.push_back({key, {}, value_of(member)});
  } else if (!json.is_null()) {
    value.kind = ValueKind::scalar;
    value.quoted = json.is_string();
    value.text = json.is_string() ? json.get<std::string>() : render_json(json);
  }
  return value;
}

Json ValueTyper::type(const Property& property, const Value& value) {
  if (value.kind == ValueKind::null)
    return nullptr;
  checked_.where[property.name] = value.where;
  const std::size_t before = errors_.size();
  Json json = typed(property, value);
  // The value as a whole, not an element or a member of it.
  for (std::size_t i = before; i < errors_.size(); ++i)
    if (Error& error = errors_[i];
        error.hint.empty() && error.where && error.where->line == value.where.line &&
        error.where->column == value.where.column && !(property.hint + property.help).empty())
      error.hint = property.hint.empty() ? fmt::format("'{}': {}", property.name, property.help)
                                         : property.hint;
  return json;
}

Json ValueTyper::typed(const Property& property, const Value& value) {
  const std::string& name = property.name;
  switch (property.type) {
    case PropertyType::text:
      return property.choices.empty() ? text(name, value) : choice(property, value);
    case PropertyType::path:
      return path(name, value);
    case PropertyType::target:
      return is_web_address(value.text) ? text(name, value) : path(name, value);
    case PropertyType::folder:
      return folder(name, value);
    case PropertyType::integer:
      return integer(name,
                     value,
                     property.minimum.value_or(std::numeric_limits<std::int64_t>::min()),
                     property.maximum.value_or(std::numeric_limits<std::int64_t>::max()));
    case PropertyType::boolean:
      return boolean(name, value);
    case PropertyType::size:
      return size(name, value);
    case PropertyType::duration:
      return duration(name, value);
    case PropertyType::texts:
      return list(name, value, &ValueTyper::whole_text);
    case PropertyType::paths:
      return list(name, value, &ValueTyper::path);
    case PropertyType::requirements:
      return each(name, value, &ValueTyper::requirements_source);
    case PropertyType::arguments:
      return arguments(name, value);
    case PropertyType::environment:
      return environment(name, value);
    case PropertyType::map:
      return map(name, value);
    case PropertyType::artifacts:
      return artifacts(name, value);
    case PropertyType::resources:
      return resources(name, value);
    case PropertyType::build:
      return build(name, value);
    case PropertyType::inputs:
      return inputs(name, value);
    case PropertyType::env_files:
      return env_files(name, value);
    case PropertyType::sandbox:
      return sandbox(name, value);
    case PropertyType::metrics:
      return metrics(name, value);
  }
  return nullptr;
}

Json ValueTyper::text(const std::string& name, const Value& value) {
  if (value.kind != ValueKind::scalar)
    return wrong(name, value, "a text", config::explain_misread(value));
  if (value.text.find('\0') != std::string::npos)
    return error(value.where,
                 fmt::format("{} contains a NUL character, which cannot be passed to a program",
                             subject(name)));
  return value.text;
}

/// A text of several, such as a command: YAML may have ended it inside of a quote.
Json ValueTyper::whole_text(const std::string& name, const Value& value) {
  Json typed = text(name, value);
  if (typed.is_null() || shell_split(value.text))
    return typed;
  const std::string cut = config::explain_cut(value);
  if (cut.empty())
    return typed;  // a shell may go on with the quote in the next one
  return error(value.where,
               fmt::format("{} ends inside of a quote: {}", subject(name), describe_excerpt(value)),
               cut);
}

Json ValueTyper::choice(const Property& property, const Value& value) {
  Json word = text(property.name, value);
  if (word.is_null() ||
      std::find(property.choices.begin(), property.choices.end(), word) != property.choices.end())
    return word;
  if (!property.prefix.empty()) {
    std::string plain = to_upper(value.text);
    if (plain.starts_with(property.prefix))
      plain.erase(0, property.prefix.size());
    if (std::find(property.choices.begin(), property.choices.end(), plain) !=
        property.choices.end())
      return plain;
  }
  return wrong(property.name,
               value,
               fmt::format("one of {}", quoted_list(property.choices)),
               did_you_mean(value.text, property.choices));
}

Json ValueTyper::inside(const std::string& name,
                        const Value& value,
                        std::initializer_list<std::string_view> origins) {
  for (const std::string_view origin : origins)
    if (auto path = resolve_path(origin, value.text))
      return *std::move(path);
  return error(
      value.where,
      fmt::format("{} leads out of the project: {}", subject(name), quoted_excerpt(value.text)),
      value.text.starts_with('/')
          ? std::string("write it relative to the project's root, without '..'")
          : hint_of_monorepo());
}

Json ValueTyper::path(const std::string& name, const Value& value) {
  if (value.kind != ValueKind::scalar || value.text.empty())
    return wrong(name, value, "the path of a file");
  if (text(name, value).is_null())
    return nullptr;
  Json normal = inside(name, value, {origins_.base, origins_.working_dir});
  return normal == "" ? wrong(name, value, "the path of a file") : normal;
}

Json ValueTyper::folder(const std::string& name, const Value& value) {
  if (value.kind != ValueKind::scalar)
    return wrong(name, value, "the path of a folder");
  if (text(name, value).is_null() || refuse_project_path(value))
    return nullptr;
  if (const std::string word = unexpanded_word(value.text); !word.empty())
    return error(value.where,
                 fmt::format("{} has '{}' in it, which is not replaced: no shell reads this path",
                             subject(name),
                             printable(word)),
                 "write a path from the project's root on, or ${{ name }} for a variable");
  return inside(name, value, {origins_.base});
}

Json ValueTyper::integer(const std::string& name,
                         const Value& value,
                         std::int64_t minimum,
                         std::int64_t maximum) {
  const std::optional<std::int64_t> number =
      value.kind == ValueKind::scalar ? parse_integer(value.text) : std::nullopt;
  if (!number)
    return wrong(name, value, "a whole number");
  if (*number < minimum)
    return wrong(name, value, fmt::format("at least {}", minimum));
  if (*number > maximum)
    return wrong(name, value, fmt::format("at most {}", maximum));
  return *number;
}

Json ValueTyper::count(const std::string& name, const Value& value) {
  constexpr std::int64_t most = 1'000'000;
  if (value.kind == ValueKind::scalar && !parse_integer(value.text) && is_word_for_all(value.text))
    return wrong(name, value, "a whole number", hint_of_gpus(value.text));
  Json number = integer(name, value, 0);
  return number.is_number() && number > most ? wrong(name, value, fmt::format("at most {}", most))
                                             : number;
}

Json ValueTyper::processes(const std::string& name, const Value& value) {
  constexpr std::int64_t most = 4'194'304;  // what the kernel numbers
  return integer(name, value, 0, most);
}

Json ValueTyper::boolean(const std::string& name, const Value& value) {
  const std::string word = value.kind == ValueKind::scalar ? to_lower(value.text) : std::string();
  if (word != "true" && word != "false")
    return wrong(name, value, "true or false", hint_of_boolean(word));
  return word == "true";
}

Json ValueTyper::size(const std::string& name, const Value& value) {
  const std::optional<std::uint64_t> bytes =
      value.kind == ValueKind::scalar ? parse_size(value.text) : std::nullopt;
  if (!bytes || *bytes > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return wrong(name,
                 value,
                 "a size such as 16GB or 512MiB",
                 value.text.find('.') == std::string::npos
                     ? ""
                     : "sizes are whole numbers: write 1500MB for 1.5GB");
  return static_cast<std::int64_t>(*bytes);
}

Json ValueTyper::memory(const std::string& name, const Value& value) {
  Json bytes = size(name, value);
  return bytes.is_number() && bytes > 0 && bytes < least_memory
             ? wrong(name, value, "at least 1MB", hint_of_forgotten_unit(value.text))
             : bytes;
}

Json ValueTyper::duration(const std::string& name, const Value& value) {
  const auto time = value.kind == ValueKind::scalar ? parse_duration(value.text) : std::nullopt;
  if (!time)
    return wrong(name, value, "a duration such as 90s or 1h30m");
  return static_cast<std::int64_t>(time->count());
}

Json ValueTyper::list(const std::string& name, const Value& value, Element element) {
  if (value.kind == ValueKind::mapping)
    return wrong(name,
                 value,
                 "a text or a list of texts",
                 element == &ValueTyper::path ? "" : config::explain_misread(value));
  Json typed = Json::array();
  const auto add = [&](const std::string& element_name, const Value& one) {
    checked_.where[element_name] = one.where;
    Json json = (this->*element)(name, one);
    if (!json.is_null())
      typed.push_back(std::move(json));
  };
  if (value.kind == ValueKind::scalar)
    add(join_name(name, "0"), value);
  for (std::size_t i = 0; i < value.elements.size(); ++i)
    add(join_name(name, std::to_string(i)), value.elements[i]);
  return typed;
}

Json ValueTyper::arguments(const std::string& name, const Value& value) {
  if (value.kind != ValueKind::scalar)
    return list(name, value, &ValueTyper::text);
  if (text(name, value).is_null())
    return nullptr;
  const std::optional<std::vector<std::string>> parts = shell_split(value.text);
  const std::string cut = parts ? std::string() : config::explain_cut(value);
  if (!parts)
    return error(
        value.where,
        fmt::format("{} cannot be split into arguments: a quote is not closed", subject(name)),
        cut.empty() ? "close the quote, or write the arguments as a list" : cut);
  return *parts;
}

Json ValueTyper::environment(const std::string& name, const Value& value) {
  Json map = Json::object();
  if (value.kind == ValueKind::scalar)
    return wrong(name, value, "a map, or a list of NAME=VALUE and NAME");
  for (const config::Member& member : value.members) {
    if (member.value.kind == ValueKind::mapping || member.value.kind == ValueKind::sequence)
      wrong(join_name(name, member.key),
            member.value,
            "a text",
            config::explain_misread(member.value));
    else if (member.value.kind == ValueKind::null ||
             text(join_name(name, member.key), member.value).is_string())
      add_variable(map, member.key, member.value.text, member.key_where);
    if (member.value.kind == ValueKind::null)
      checked_.without_value.push_back(member.key);
  }
  for (const Value& element : value.elements)
    add_listed_variable(map, name, element);
  return map;
}

void ValueTyper::add_listed_variable(Json& map, const std::string& list, const Value& element) {
  if (element.kind != ValueKind::scalar) {
    error(element.where,
          fmt::format("an entry of {} must be NAME=VALUE or NAME, not {}",
                      subject(list),
                      describe_excerpt(element)),
          element.kind == ValueKind::mapping ? "write NAME=VALUE, or make all of it a map" : "");
    return;
  }
  if (text(list, element).is_null())
    return;
  const std::string_view entry = element.text;
  const std::size_t equals = entry.find('=');
  if (equals != std::string_view::npos) {
    add_variable(map, entry.substr(0, equals), entry.substr(equals + 1), element.where);
  } else if (!job::is_environment_name(entry)) {
    add_variable(map, entry, {}, element.where);
  } else if (const std::optional<std::string> value = caller_(element.text)) {
    add_variable(map, entry, *value, element.where);
  } else if (job::is_reserved_environment_name(entry)) {
    add_variable(map, entry, {}, element.where);
  } else {
    checked_.unset.emplace_back(entry, element.where);
  }
}

void ValueTyper::add_variable(Json& map,
                              std::string_view name,
                              std::string_view value,
                              const SourceLocation& where) {
  if (!job::is_environment_name(name)) {
    error(where,
          fmt::format("{} is not a valid environment variable name", quoted_excerpt(name)),
          "use letters, digits and '_', not beginning with a digit");
    return;
  }
  if (!checked_.environment_where.emplace(name, where).second) {
    error(where, fmt::format("the environment variable {} is set twice", quoted_excerpt(name)));
    return;
  }
  if (job::is_reserved_environment_name(name)) {
    errors_.push_back(job::reserved_name_error(name, where, ErrorCode::configuration));
    return;
  }
  if (refuse_project_value(name, value, where))
    return;
  add_new(map, name, std::string(value));
}

/// A list of NAME=VALUE is what an option that is given several times makes.
Json ValueTyper::map(const std::string& name, const Value& value) {
  Json map = Json::object();
  if (value.kind == ValueKind::scalar)
    return wrong(name, value, "a map of texts");
  std::unordered_set<std::string> known;
  const auto add = [&](std::string_view key, Json typed, const SourceLocation& where) {
    if (!typed.is_string())
      return;
    if (!known.emplace(key).second)
      error(where, fmt::format("'{}' is given twice", join_name(name, key)));
    else
      add_new(map, key, std::move(typed));
  };
  for (const config::Member& member : value.members) {
    checked_.where[join_name(name, member.key)] = member.value.where;
    add(member.key, text(join_name(name, member.key), member.value), member.key_where);
  }
  for (const Value& element : value.elements) {
    const std::size_t equals = element.text.find('=');
    if (element.kind != ValueKind::scalar || equals == std::string::npos || equals == 0)
      wrong(name, element, "a map of texts, or NAME=VALUE");
    else if (const Json typed = text(name, element); typed.is_string())
      add(element.text.substr(0, equals), element.text.substr(equals + 1), element.where);
  }
  return map;
}

const ValueTyper::Members& ValueTyper::resource_members() {
  static const Members members = {{"cpu", &ValueTyper::count},
                                  {"memory", &ValueTyper::memory},
                                  {"gpu", &ValueTyper::gpu},
                                  {"shm_size", &ValueTyper::memory},
                                  {"processes", &ValueTyper::processes},
                                  {"disk", &ValueTyper::memory},
                                  {"interruptible", &ValueTyper::boolean},
                                  {"local", &ValueTyper::boolean}};
  return members;
}

std::vector<std::string> ValueTyper::resource_names() {
  std::vector<std::string> names;
  for (const auto& [name, element] : resource_members())
    names.emplace_back(name);
  return names;
}

Json ValueTyper::resources(const std::string& name, const Value& value) {
  return map_of_ours(name, value, resource_members());
}

Json ValueTyper::gpu(const std::string& name, const Value& value) {
  if (value.kind == ValueKind::scalar && !parse_integer(value.text))
    return wrong(name,
                 value,
                 "a number of GPUs, or a map of 'count', 'name' and 'memory'",
                 hint_of_gpus(value.text));
  if (value.kind == ValueKind::scalar) {
    Json number = count(name, value);
    return number.is_null() ? Json() : Json{{"count", std::move(number)}};
  }
  if (value.kind == ValueKind::sequence)
    return wrong(name, value, "a number of GPUs, or a map of 'count', 'name' and 'memory'");
  const std::size_t before = errors_.size();
  Json map = map_of_ours(name,
                         value,
                         {{"count", &ValueTyper::gpu_count},
                          {"name", &ValueTyper::text},
                          {"memory", &ValueTyper::memory}});
  if (map.is_object() && map.empty() && errors_.size() == before)
    return error(value.where,
                 fmt::format("{} is an empty map, which asks for no GPU", subject(name)),
                 "write 'gpu: 1' for one GPU, or remove the line");
  if (map.is_object() && !map.contains("count"))
    map["count"] = 1;
  return map;
}

Json ValueTyper::gpu_count(const std::string& name, const Value& value) {
  return value.kind == ValueKind::scalar && !parse_integer(value.text)
             ? wrong(name, value, "a whole number", hint_of_gpus(value.text))
             : count(name, value);
}

Json ValueTyper::map_of_ours(const std::string& name, const Value& value, const Members& members) {
  if (value.kind != ValueKind::mapping)
    return wrong(name, value, "a map");
  Json map = Json::object();
  std::vector<std::string> names;
  for (const auto& [member_name, element] : members)
    names.emplace_back(member_name);
  for (const config::Member& member : value.members) {
    const std::string key = normal_key(member.key);
    const auto found_member = std::find_if(
        members.begin(), members.end(), [&](const auto& one) { return one.first == key; });
    if (found_member == members.end()) {
      std::string hint = did_you_mean(resource_meant_by(key, names));
      error(member.key_where,
            fmt::format("{} has no member {}", subject(name), quoted_excerpt(member.key)),
            hint.empty() ? fmt::format("it may have {}", quoted_list(names)) : hint);
      continue;
    }
    if (map.contains(key)) {
      error(member.key_where, fmt::format("'{}' is given twice", join_name(name, key)));
      continue;
    }
    if (member.value.kind == ValueKind::null)
      continue;
    checked_.where[join_name(name, key)] = member.value.where;
    Json typed = (this->*found_member->second)(join_name(name, key), member.value);
    if (!typed.is_null())
      map[key] = std::move(typed);
  }
  return map;
}

std::string ValueTyper::subject(std::string_view name) const {
  std::string subject = "'" + std::string(name) + "'";
  if (!workflow_.empty())
    subject += fmt::format(" of workflow '{}'", workflow_);
  return subject;
}

Json ValueTyper::wrong(const std::string& name,
                       const Value& value,
                       std::string_view expected,
                       const std::string& hint) {
  return error(
      value.where,
      fmt::format("{} must be {}, not {}", subject(name), expected, describe_excerpt(value)),
      hint);
}

Json ValueTyper::error(const SourceLocation& where,
                       const std::string& message,
                       const std::string& hint) {
  errors_.push_back(
      make_error(ErrorCode::configuration, "{}", message).at(where).with_hint("{}", hint));
  return nullptr;
}

}  // namespace dstack::provider

// A keyword of JSON Schema speaks only of values of its own type: `pattern` of texts, `minimum` of
// numbers, `items` of lists. So all forms of a property are side by side in one schema, and an
// editor can say which of them is wrong.
#include "dstack/provider/discovery/schema.hpp"

#include "dstack/base/quantity.hpp"
#include "dstack/provider/manifest/typed_value.hpp"

#include <algorithm>
#include <map>

namespace dstack::provider {

namespace {

constexpr const char* dialect = "https://json-schema.org/draft/2020-12/schema";
constexpr const char* name_pattern = "^[A-Za-z0-9][A-Za-z0-9._-]*$";

/// The pattern of a text, or a reference, which can become anything.
std::string or_reference(const std::string& pattern) {
  return pattern + "|\\$\\{\\{";
}

Json scalar() {
  return {{"type", {"string", "number", "boolean"}}};
}

Json list_of(const Json& element) {
  Json schema = element;
  schema["type"].push_back("array");
  schema["items"] = element;
  return schema;
}

Json path() {
  Json schema = scalar();
  schema["pattern"] = "^(?!/|\\.\\.(/|$))";
  return schema;
}

Json integer(std::optional<std::int64_t> minimum, std::optional<std::int64_t> maximum = {}) {
  Json schema = {{"type", {"integer", "string"}}, {"pattern", or_reference("^[+-]?[0-9]+$")}};
  if (minimum)
    schema["minimum"] = *minimum;
  if (maximum)
    schema["maximum"] = *maximum;
  return schema;
}

Json boolean() {
  return {{"type", {"boolean", "string"}},
          {"pattern", or_reference("^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$")}};
}

constexpr const char* size_unit = "([KkMmGgTt]([Ii]?[Bb]|[Ii])?|[Bb])?";

Json size() {
  return {{"type", {"integer", "string"}},
          {"minimum", 0},
          {"pattern", or_reference(fmt::format("^\\s*[0-9]+\\s*{}\\s*$", size_unit))}};
}

/// Nothing, or no less than `least_memory`: a number without a unit is bytes, and mostly a mistake.
/// A pattern counts digits, so it lets some pass that are a little too small.
Json memory() {
  Json schema = size();
  schema["pattern"] =
      or_reference(fmt::format("^\\s*(0+\\s*{}|[0-9]+\\s*[MmGgTt]([Ii]?[Bb]|[Ii])?|[0-9]{{4,}}\\s*["
                               "Kk][Bb]?|[0-9]{{3,}}\\s*[Kk][Ii][Bb]?|[0-9]{{7,}}\\s*[Bb]?)\\s*$",
                               size_unit));
  schema["not"] = {
      {"type", "integer"}, {"exclusiveMinimum", 0}, {"exclusiveMaximum", least_memory}};
  return schema;
}

Json duration() {
  return {{"type", {"integer", "string"}},
          {"minimum", 0},
          {"pattern",
           or_reference("^\\s*(?=[0-9])([0-9]+|([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?)\\s*$")}};
}

Json environment() {
  Json value = scalar();
  value["type"].push_back("null");
  return {
      {"type", {"object", "array"}},
      {"propertyNames", {{"pattern", "^[A-Za-z_][A-Za-z0-9_]*$"}}},
      {"additionalProperties", std::move(value)},
      {"items", {{"type", "string"}, {"pattern", or_reference("^[A-Za-z_][A-Za-z0-9_]*(=|$)")}}}};
}

Json artifacts() {
  Json element = path();
  element["minLength"] = 1;
  Json members = {{"path", element}, {"optional", boolean()}};
  element["type"].push_back("object");
  element["properties"] = std::move(members);
  element["required"] = Json::array({"path"});
  element["additionalProperties"] = false;
  return list_of(element);
}

/// In two branches, for editors complete an `enum` and no pattern.
Json choice(const std::vector<std::string>& choices) {
  Json reference = {{"type", "string"}, {"pattern", "\\$\\{\\{"}};
  return {{"anyOf", Json::array({{{"enum", choices}}, std::move(reference)})}};
}

Json map() {
  return {{"type", {"object", "array"}},
          {"additionalProperties", scalar()},
          {"items", {{"type", "string"}, {"pattern", or_reference("^[^=]+=")}}}};
}

Json optional(Json schema) {
  if (schema.contains("anyOf"))
    schema["anyOf"].push_back({{"type", "null"}});
  else
    schema["type"].push_back("null");
  return schema;
}

std::string with_dashes(std::string key) {
  std::replace(key.begin(), key.end(), '_', '-');
  return key;
}

/// Adds a member under each of its spellings.
void add_member(Json& members, const std::string& key, const Json& schema) {
  members[key] = schema;
  members[with_dashes(key)] = schema;
}

Json described(Json schema, const std::string& help) {
  schema["description"] = help;
  return schema;
}

Json count() {
  Json schema = integer(0);
  schema["maximum"] = 1'000'000;
  return schema;
}

Json gpu() {
  Json schema = count();
  schema["type"].push_back("object");
  schema["properties"] = {
      {"count", described(optional(count()), "Number of GPUs")},
      {"name", described(optional(scalar()), "Kind of GPU, such as V100")},
      {"memory", described(optional(memory()), "Memory of each GPU, such as 16GB")}};
  schema["minProperties"] = 1;
  schema["additionalProperties"] = false;
  return schema;
}

Json resources() {
  Json members = Json::object();
  const auto add = [&](const std::string& key, Json schema, const std::string& help) {
    add_member(members, key, described(optional(std::move(schema)), help));
  };
  add("cpu", count(), "CPU cores");
  add("memory", memory(), "Memory, such as 16GB");
  add("gpu", gpu(), "A number of GPUs, or a map of count, name and memory");
  add("shm_size", memory(), "Shared memory, such as 8GB");
  add("processes", integer(0, 4'194'304), "The most processes and threads at a time");
  add("disk", memory(), "The most that the job writes into its workspace, such as 50GB");
  add("interruptible", boolean(), "Whether the job may be interrupted");
  add("local", boolean(), "Whether the job must run on this machine");
  return {{"type", Json::array({"object"})},
          {"properties", std::move(members)},
          {"additionalProperties", false}};
}

Json build() {
  Json schema = path();
  schema["type"].push_back("object");
  schema["properties"] = {
      {"context", described(optional(path()), "The folder that is sent; by default the project")},
      {"dockerfile", described(optional(scalar()), "The Dockerfile, from the context")},
      {"args", described(optional(map()), "Values for ARG; they stay in the image")},
      {"target", described(optional(scalar()), "The stage that is wanted; by default the last")}};
  schema["additionalProperties"] = false;
  return schema;
}

/// A path, or a map that has one, with these members beside it.
Json path_or_map(Json more) {
  Json element = scalar();
  element["minLength"] = 1;
  more["path"] = described(element, "The file or folder, from the project's root or absolute");
  element["type"].push_back("object");
  element["properties"] = std::move(more);
  element["required"] = Json::array({"path"});
  element["additionalProperties"] = false;
  return element;
}

Json inputs() {
  return list_of(path_or_map(
      {{"at", described(optional(path()), "Where jobs find it, from the project's root")},
       {"link", described(optional(boolean()), "Whether it is linked, not copied")}}));
}

Json env_files() {
  return list_of(path_or_map(
      {{"mask", described(optional(boolean()), "Whether its values are masked in logs")}}));
}

Json sandbox() {
  Json absolute = scalar();
  absolute["pattern"] = or_reference("^/");
  Json members = {
      {"level", described(optional(choice({"files", "strict"})), "What it is kept from")},
      {"read", described(optional(list_of(absolute)), "Absolute paths that it may read besides")},
      {"write", described(optional(list_of(absolute)), "Absolute paths that it may write besides")},
      {"network",
       described(optional(choice({"none", "host"})),
                 "The machine's, which is the default of files, or none, that of strict")}};
  Json schema = choice({"files", "strict"});
  schema["anyOf"].push_back(
      {{"type", "object"}, {"properties", std::move(members)}, {"additionalProperties", false}});
  return schema;
}

Json metrics() {
  Json files = path();
  files["minLength"] = 1;
  files = list_of(files);
  Json log = scalar();
  log["pattern"] = "\\{[^{}]+\\}";
  Json members = {
      {"files", described(optional(files), "Files and folders, from the working directory")},
      {"log", described(optional(log), "A line of the output: \"epoch {epoch} loss {loss}\"")},
      {"best",
       described({{"type", {"object", "null"}}, {"additionalProperties", choice({"min", "max"})}},
                 "Those that are shown, and what is better of each")}};
  Json schema = files;
  schema["type"].push_back("object");
  schema["properties"] = std::move(members);
  schema["additionalProperties"] = false;
  return schema;
}

Json requirements() {
  Json element = path();
  element["minLength"] = 1;
  Json members = {
      {"file",
       described(element, "A requirements file, pyproject.toml, uv.lock or environment.yaml")},
      {"extras", described(optional(list_of(scalar())), "Sets of optional dependencies")},
      {"groups", described(optional(list_of(scalar())), "Dependency groups")},
      {"project", described(optional(boolean()), "Whether the project itself is installed, too")}};
  element["type"].push_back("object");
  element["properties"] = std::move(members);
  element["required"] = Json::array({"file"});
  element["additionalProperties"] = false;
  return list_of(element);
}

Json schema_of_type(const Property& property) {
  switch (property.type) {
    case PropertyType::text:
      return property.choices.empty() ? scalar() : choice(property.choices);
    case PropertyType::path:
    case PropertyType::target: {
      Json schema = path();
      schema["minLength"] = 1;
      return schema;
    }
    case PropertyType::folder:
      return path();
    case PropertyType::integer:
      return integer(property.minimum, property.maximum);
    case PropertyType::boolean:
      return boolean();
    case PropertyType::size:
      return size();
    case PropertyType::duration:
      return duration();
    case PropertyType::texts:
    case PropertyType::arguments:
      return list_of(scalar());
    case PropertyType::paths:
      return list_of(path());
    case PropertyType::requirements:
      return requirements();
    case PropertyType::environment:
      return environment();
    case PropertyType::map:
      return map();
    case PropertyType::artifacts:
      return artifacts();
    case PropertyType::resources:
      return resources();
    case PropertyType::build:
      return build();
    case PropertyType::inputs:
      return inputs();
    case PropertyType::env_files:
      return env_files();
    case PropertyType::sandbox:
      return sandbox();
    case PropertyType::metrics:
      return metrics();
  }
  return Json::object();
}

/// As it could be written. Durations are known in milliseconds and written in seconds.
Json written_default(const Property& property) {
  if (property.type == PropertyType::duration && property.default_value.is_number_integer())
    return property.default_value.get<std::int64_t>() / 1000;
  return property.default_value;
}

Json schema_of(const Property& property) {
  Json schema = schema_of_type(property);
  if (property.required) {
    schema["minLength"] = 1;
    schema["minItems"] = 1;
  } else {
    schema = optional(std::move(schema));  // the same as not given
  }
  if (!property.help.empty())
    schema["description"] = property.help;
  if (!property.default_value.is_null())
    schema["default"] = written_default(property);
  return schema;
}

/// Every key under which a property may stand; the first is its name.
std::vector<std::string> keys_of(const Property& property) {
  std::vector<std::string> keys;
  const auto add = [&](const std::string& key) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end())
      keys.push_back(key);
  };
  add(property.name);
  add(with_dashes(property.name));
  for (const std::string& alias : property.aliases) {
    add(alias);
    add(with_dashes(alias));
  }
  return keys;
}

/// One of the keys is there.
Json any_of_keys(const std::vector<std::string>& keys) {
  Json one_of_them = Json::array();
  for (const std::string& key : keys)
    one_of_them.push_back({{"required", Json::array({key})}});
  return keys.size() == 1 ? one_of_them[0] : Json{{"anyOf", std::move(one_of_them)}};
}

/// No two of the keys together, and one of them where the property is required.
void add_rules(const std::vector<std::string>& keys, bool required, Json& rules) {
  for (std::size_t i = 0; i < keys.size(); ++i)
    for (std::size_t k = i + 1; k < keys.size(); ++k)
      rules.push_back({{"not", {{"required", {keys[i], keys[k]}}}}});
  if (required)
    rules.push_back(any_of_keys(keys));
}

/// Exactly one property of the group.
Json rule_of_group(const Manifest& manifest, const std::vector<std::string>& group) {
  Json choices = Json::array();
  for (const std::string& name : group)
    choices.push_back(any_of_keys(keys_of(*manifest.find(name))));
  return {{"oneOf", std::move(choices)}};
}

/// Of a workflow, and of all of a file.
Json secret_names() {
  Json name = scalar();
  name["pattern"] = name_pattern;
  return described(
      optional(list_of(name)),
      "Secrets of the user, for all projects, that this one gets from its first run on");
}

/// The values of one key of `matrix`.
Json swept_values() {
  Json values = scalar();
  values["type"].push_back("array");
  values["items"] = scalar();
  values["minItems"] = 1;
  return values;
}

/// With which values of its variables a workflow is run.
Json matrix() {
  Json key = swept_values();
  key["type"].push_back("object");
  key["properties"] = {{"values", swept_values()},
                       {"when", {{"type", "string"}, {"pattern", "^[^=]+="}}}};
  key["required"] = Json::array({"values"});
  key["additionalProperties"] = false;
  const Json combinations = {
      {"type", "array"},
      {"items", {{"type", "object"}, {"minProperties", 1}, {"additionalProperties", scalar()}}}};
  Json group = {{"type", {"string", "array", "object"}},
                {"items", {{"type", "string"}}},
                {"additionalProperties", swept_values()}};
  Json schema = {{"type", {"object", "string"}},
                 {"pattern", name_pattern},
                 {"minProperties", 1},
                 {"properties",
                  {{"zip", {{"type", "array"}, {"items", std::move(group)}, {"minItems", 1}}},
                   {"exclude", combinations},
                   {"include", combinations}}},
                 {"additionalProperties", std::move(key)}};
  return described(
      std::move(schema),
      "Runs the workflow once for each combination of these values of its variables, or for those "
      "of another workflow");
}

/// The keys that the host reads itself, whatever the provider.
Json host_members(const std::vector<std::string>& providers) {
  Json name = scalar();
  name["pattern"] = "^(?!global$)[A-Za-z0-9][A-Za-z0-9._-]*$";
  Json dependency = scalar();
  dependency["pattern"] =
      or_reference("^[A-Za-z0-9][A-Za-z0-9._-]*(:[A-Za-z0-9][A-Za-z0-9._-]*)?$");
  Json members = {{"workflow", dependency}, {"tag", dependency}};
  members["tag"]["pattern"] = or_reference(name_pattern);
  dependency["type"].push_back("object");
  dependency["properties"] = std::move(members);
  dependency["required"] = Json::array({"workflow"});
  dependency["additionalProperties"] = false;
  Json dependencies = optional(list_of(dependency));
  dependencies["uniqueItems"] = true;
  dependencies["description"] =
      "Workflows to run before it; 'download:latest' uses the artifacts with this tag, and runs "
      "nothing";
  return {{"name", described(std::move(name), "Name of the workflow, for 'dstack run'")},
          {"provider", {{"enum", providers}, {"description", "What runs it"}}},
          {"help", described(optional(scalar()), "One sentence, for 'dstack workflows'")},
          {"depends-on", dependencies},
          {"depends_on", dependencies},
          {"deps", std::move(dependencies)},
          {"secrets", secret_names()}};
}

/// What a workflow of this provider may and must say.
Json provider_schema(const Manifest& manifest) {
  Json members = Json::object();
  for (const char* key :
       {"name", "provider", "help", "depends-on", "depends_on", "deps", "secrets"})
    members[key] = true;
  Json rules = Json::array();
  members["matrix"] = matrix();
  for (const Property& property : manifest.properties) {
    const std::vector<std::string> keys = keys_of(property);
    const Json schema = schema_of(property);
    for (const std::string& key : keys)
      members[key] = normal_key(key) == property.name
                         ? schema
                         : described(schema, fmt::format("The same as '{}'", property.name));
    add_rules(keys, property.required, rules);
  }
  for (const auto& group : manifest.one_of)
    rules.push_back(rule_of_group(manifest, group));
  Json schema = {{"properties", std::move(members)}, {"additionalProperties", false}};
  if (!manifest.help.empty())
    schema["description"] = manifest.help;
  if (!rules.empty())
    schema["allOf"] = std::move(rules);
  return schema;
}

/// `defaults` of a file: what any provider may take. Where two take different values below one key,
/// both are possible here, and validating judges.
Json defaults_schema(const Registry& providers) {
  std::map<std::string, std::vector<Json>> by_key;
  for (const std::string& name : providers.names())
    for (const Property& property : providers.find(name)->manifest->properties) {
      if (property.required)
        continue;
      const Json schema = schema_of(property);
      for (const std::string& key : keys_of(property))
        if (auto& known = by_key[key]; std::find(known.begin(), known.end(), schema) == known.end())
          known.push_back(schema);
    }
  Json members = Json::object();
  for (const auto& [key, schemas] : by_key)
    members[key] = schemas.size() == 1 ? schemas.front() : Json{{"anyOf", schemas}};
  return {{"type", Json::array({"object", "null"})},
          {"description", "Properties that each workflow of this file has unless it sets them"},
          {"properties", std::move(members)},
          {"additionalProperties", false}};
}

/// The skeleton of a file: one root key, and those that begin with `x-`.
Json file_schema(const std::string& title, const std::string& root, Json content) {
  return {{"$schema", dialect},
          {"title", title},
          {"type", "object"},
          {"properties", {{root, std::move(content)}}},
          {"patternProperties", {{"^x-", true}}},
          {"required", Json::array({root})},
          {"additionalProperties", false}};
}

}  // namespace

Json workflows_schema(const Registry& providers) {
  const std::vector<std::string> names = providers.names();
  Json definitions = Json::object();
  Json choices = Json::array();
  for (const std::string& name : names) {
    definitions["provider-" + name] = provider_schema(*providers.find(name)->manifest);
    choices.push_back({{"if",
                        {{"properties", {{"provider", {{"const", name}}}}},
                         {"required", Json::array({"provider"})}}},
                       {"then", {{"$ref", "#/$defs/provider-" + name}}}});
  }
  Json rules = Json::array();
  add_rules({"depends-on", "depends_on", "deps"}, false, rules);
  for (Json& choice : choices)
    rules.push_back(std::move(choice));
  definitions["workflow"] = {{"type", "object"},
                             {"properties", host_members(names)},
                             {"required", {"name", "provider"}},
                             {"allOf", std::move(rules)}};
  Json schema =
      file_schema("Workflows of dstack",
                  "workflows",
                  {{"type", {"array", "null"}}, {"items", {{"$ref", "#/$defs/workflow"}}}});
  schema["properties"]["root"] = {
      {"type", "string"},
      {"pattern", "^(\\./)*\\.\\.(/|/\\.\\.?)*$"},
      {"description", "The folder above whose files are the code: '..' or '../..'"}};
  schema["properties"]["secrets"] = secret_names();
  schema["properties"]["defaults"] = defaults_schema(providers);
  schema["$defs"] = std::move(definitions);
  return schema;
}

Json variables_schema() {
  Json scope = {{"type", {"object", "null"}},
                {"propertyNames", {{"pattern", "^[A-Za-z][A-Za-z0-9._-]*$"}}},
                {"additionalProperties", scalar()}};
  return file_schema("Variables of dstack",
                     "variables",
                     {{"type", {"object", "null"}},
                      {"description", "Variables below a workflow's name, or below 'global'"},
                      {"propertyNames", {{"pattern", name_pattern}}},
                      {"additionalProperties", std::move(scope)}});
}

}  // namespace dstack::provider

#include "dstack/provider/manifest/manifest.hpp"

#include "dstack/abi.h"
#include "dstack/base/strict_json.hpp"
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/provider/manifest/typed_value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <set>

namespace dstack::provider {

namespace {

constexpr std::array<std::pair<std::string_view, PropertyType>, 17> type_names = {{
    {"text", PropertyType::text},
    {"path", PropertyType::path},
    {"target", PropertyType::target},
    {"folder", PropertyType::folder},
    {"integer", PropertyType::integer},
    {"boolean", PropertyType::boolean},
    {"size", PropertyType::size},
    {"duration", PropertyType::duration},
    {"texts", PropertyType::texts},
    {"paths", PropertyType::paths},
    {"requirements", PropertyType::requirements},
    {"arguments", PropertyType::arguments},
    {"environment", PropertyType::environment},
    {"map", PropertyType::map},
    {"artifacts", PropertyType::artifacts},
    {"resources", PropertyType::resources},
    {"build", PropertyType::build},
}};

/// Reserved by the host: keys of a workflow, and options of `dstack run`.
constexpr std::string_view host_keys[] = {"name", "provider", "help", "depends_on", "deps"};
constexpr std::string_view host_flags[] = {
    "--help",    "-h",    "--detach",  "-d",        "--tag",   "-t",
    "--dry-run", "-j",    "--jobs",    "--project", "--quiet", "-q",
    "--verbose", "-v",    "--version", "-V",        "--json",  "--provider-path",
    "--color",   "--dep", "--yes",     "-y"};

bool is_property_name(std::string_view name) {
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && name.front() >= 'a' && name.front() <= 'z' &&
         std::all_of(name.begin(), name.end(), is_part);
}

bool is_long_flag(std::string_view name) {
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return name.size() > 3 && name.starts_with("--") && name[2] != '-' &&
         std::all_of(name.begin() + 2, name.end(), is_part);
}

bool is_short_flag(std::string_view name) {
  return name.size() == 2 && name[0] == '-' &&
         ((name[1] >= 'a' && name[1] <= 'z') || (name[1] >= 'A' && name[1] <= 'Z'));
}

bool may_be_secret(PropertyType type) {
  return type == PropertyType::text || type == PropertyType::texts ||
         type == PropertyType::arguments || type == PropertyType::environment ||
         type == PropertyType::map;
}

/// Reads the members of a manifest and collects what is wrong with them.
class ManifestReader {
 public:
  explicit ManifestReader(const Json& json) : json_(json) {}

  Result<Manifest> read();

 private:
  bool read_identity();
  Result<Manifest> finish();
  void read_property(const Json& json);
  /// Where nothing of the manifest's own takes its place.
  void add_common(Property property);
  void read_bounds(const Json& json, Property& property);
  void read_default(const Json& json, Property& property);
  void read_groups();
  void check_member_of_group(const std::string& name, std::set<std::string, std::less<>>& seen);
  void read_flag(const Json& json, Property& property);
  void check_names();
  void check_flags();
  void check_positionals();

  void only(const Json& object,
            const std::string& subject,
            std::initializer_list<std::string_view> keys);
  std::string text(const Json& object, const std::string& subject, std::string_view key);
  bool boolean(const Json& object, const std::string& subject, std::string_view key);
  std::vector<std::string> texts(const Json& object,
                                 const std::string& subject,
                                 std::string_view key);

  void wrong(const std::string& subject, const std::string& problem) {
    problems_.push_back(fmt::format("{} {}", subject, problem));
  }

  const Json& json_;
  Manifest manifest_;
  std::vector<std::string> problems_;
};

Result<Manifest> ManifestReader::read() {
  if (!json_.is_object())
    return fail(ErrorCode::configuration, "its manifest is not a map");
  if (read_identity() && !is_supported(manifest_))
    return finish();
  only(json_,
       "the manifest",
       {"abi", "name", "version", "help", "common", "properties", "one_of", "examples"});
  const Json* properties = json_member(json_, "properties");
  if (properties != nullptr && !properties->is_array())
    wrong("'properties'", "must be a list");
  if (properties != nullptr && properties->is_array())
    for (const Json& property : *properties)
      read_property(property);
  if (boolean(json_, "the manifest", "common"))
    for (const Property& property : common_properties())
      add_common(property);
  read_groups();
  manifest_.examples = texts(json_, "the manifest", "examples");
  check_names();
  check_flags();
  check_positionals();
  return finish();
}

Result<Manifest> ManifestReader::finish() {
  if (!problems_.empty())
    return fail(ErrorCode::configuration, "its manifest is invalid: {}", join(problems_, "; "));
  return std::move(manifest_);
}

void ManifestReader::add_common(Property property) {
  if (property.yields && manifest_.find(property.name) != nullptr)
    return;
  const auto has_flag = [&](const Property& other) {
    return property.flag && other.flag && other.flag->name == property.flag->name;
  };
  if (property.yields &&
      std::any_of(manifest_.properties.begin(), manifest_.properties.end(), has_flag))
    property.flag.reset();
  manifest_.properties.push_back(std::move(property));
}

/// Name, version, help and ABI. Whether the ABI could be read.
bool ManifestReader::read_identity() {
  manifest_.name = text(json_, "the manifest", "name");
  manifest_.version = text(json_, "the manifest", "version");
  manifest_.help = text(json_, "the manifest", "help");
  if (!is_name(manifest_.name))
    wrong("'name'", "must be letters, digits, '.', '_' and '-'");
  if (manifest_.version.empty())
    wrong("the manifest", "has no 'version'");
  const std::string abi = text(json_, "the manifest", "abi");
  const char* end = abi.data() + abi.size();
  const auto major = std::from_chars(abi.data(), end, manifest_.abi_major);
  if (major.ec == std::errc() && major.ptr != end && *major.ptr == '.') {
    const auto minor = std::from_chars(major.ptr + 1, end, manifest_.abi_minor);
    if (minor.ec == std::errc() && minor.ptr == end)
      return true;
  }
  wrong("'abi'",
        fmt::format("must be the version of the provider interface, such as '{}'", abi_version()));
  return false;
}

void ManifestReader::read_property(const Json& json) {
  if (!json.is_object())
    return wrong("an entry of 'properties'", "must be a map");
  Property property;
  property.name = text(json, "a property", "name");
  const std::string subject = fmt::format("property '{}'", property.name);
  only(json,
       subject,
       {"name",
        "aliases",
        "type",
        "required",
        "default",
        "minimum",
        "maximum",
        "choices",
        "help",
        "hint",
        "suggest_for",
        "secret",
        "flag",
        "positional"});
  property.aliases = texts(json, subject, "aliases");
  property.required = boolean(json, subject, "required");
  property.positional = boolean(json, subject, "positional");
  property.help = text(json, subject, "help");
  property.hint = text(json, subject, "hint");
  property.suggest_for = texts(json, subject, "suggest_for");
  property.secret = boolean(json, subject, "secret");
  const std::string type = text(json, subject, "type");
  const auto known = std::find_if(
      type_names.begin(), type_names.end(), [&](const auto& one) { return one.first == type; });
  if (known == type_names.end())
    return wrong(subject, fmt::format("has the unknown type '{}'", type));
  property.type = known->second;
  if (property.secret && !may_be_secret(property.type))
    wrong(subject, "is 'secret', which is for texts, lists of texts and maps");
  read_bounds(json, property);
  read_default(json, property);
  read_flag(json, property);
  manifest_.properties.push_back(std::move(property));
}

void ManifestReader::read_bounds(const Json& json, Property& property) {
  property.choices = texts(json, fmt::format("property '{}'", property.name), "choices");
  if (!property.choices.empty() && property.type != PropertyType::text)
    wrong(fmt::format("property '{}'", property.name), "has 'choices', but is not a text");
  const auto read_bound = [&](const char* name, std::optional<std::int64_t>& bound) {
    const Json* given = json_member(json, name);
    if (given == nullptr)
      return;
    if (property.type != PropertyType::integer || !given->is_number_integer())
      return wrong(
          fmt::format("property '{}'", property.name),
          fmt::format("has a '{}', which must be a whole number and is for integers only", name));
    bound = given->get<std::int64_t>();
  };
  read_bound("minimum", property.minimum);
  read_bound("maximum", property.maximum);
  if (property.minimum && property.maximum && *property.minimum > *property.maximum)
    wrong(fmt::format("property '{}'", property.name), "has a 'minimum' above its 'maximum'");
}

void ManifestReader::read_groups() {
  const Json* groups = json_member(json_, "one_of");
  if (groups == nullptr)
    return;
  if (!groups->is_array())
    return wrong("'one_of'", "must be a list of lists of properties");
  std::set<std::string, std::less<>> seen;
  for (const Json& group : *groups) {
    std::vector<std::string> names = texts({{"one_of", group}}, "the manifest", "one_of");
    if (names.size() < 2 && group.is_array())
      wrong("a group of 'one_of'", "must have two properties or more");
    for (const std::string& name : names)
      check_member_of_group(name, seen);
    manifest_.one_of.push_back(std::move(names));
  }
}

void ManifestReader::check_member_of_group(const std::string& name,
                                           std::set<std::string, std::less<>>& seen) {
  const auto& all = manifest_.properties;
  const auto found = std::find_if(
      all.begin(), all.end(), [&](const Property& property) { return property.name == name; });
  if (found == all.end())
    wrong("'one_of'", fmt::format("names '{}', which is no property of this manifest", name));
  else if (found->required || !found->default_value.is_null())
    wrong("'one_of'", fmt::format("names '{}', which is required or has a default", name));
  if (!seen.insert(name).second)
    wrong("'one_of'", fmt::format("names '{}' twice", name));
}

void ManifestReader::read_default(const Json& json, Property& property) {
  const Json* given = json_member(json, "default");
  if (given == nullptr || given->is_null())
    return;
  if (property.required)
    return wrong(fmt::format("property '{}'", property.name), "is required and has a default");
  CheckedProperties places;
  std::vector<Error> errors;
  const CallerEnvironment nobody = [](const std::string&) { return std::nullopt; };
  const PathOrigins root;
  property.default_value =
      ValueTyper({}, nobody, root, places, errors).type(property, value_of(*given));
  for (const Error& error : errors)
    wrong("the default of", error.message);
}

void ManifestReader::read_flag(const Json& json, Property& property) {
  const Json* given = json_member(json, "flag");
  if (given == nullptr)
    return;
  const std::string subject = fmt::format("the flag of property '{}'", property.name);
  if (!given->is_object())
    return wrong(subject, "must be a map");
  only(*given, subject, {"name", "short", "value", "repeat"});
  Flag flag{text(*given, subject, "name"),
            text(*given, subject, "short"),
            text(*given, subject, "value"),
            boolean(*given, subject, "repeat")};
  if (!is_long_flag(flag.name))
    wrong(subject, "must have a 'name' such as '--requirements'");
  if (!flag.short_name.empty() && !is_short_flag(flag.short_name))
    wrong(subject, "must have a 'short' such as '-r'");
  if (flag.value_name.empty() && property.type != PropertyType::boolean)
    wrong(subject, "must have a 'value' such as 'FILE'");
  property.flag = std::move(flag);
}

void ManifestReader::check_names() {
  std::set<std::string, std::less<>> seen(std::begin(host_keys), std::end(host_keys));
  for (const Property& property : manifest_.properties) {
    std::vector<std::string> names = property.aliases;
    names.push_back(property.name);
    for (const std::string& name : names) {
      if (!is_property_name(name))
        wrong("'" + name + "'",
              "is not a valid property name: use lower case letters, digits and '_'");
      else if (!seen.insert(name).second)
        wrong(fmt::format("the name '{}'", name), "is used by another property, or by the host");
    }
  }
}

void ManifestReader::check_flags() {
  std::set<std::string, std::less<>> seen(std::begin(host_flags), std::end(host_flags));
  const auto check = [&](const std::string& flag) {
    if (!flag.empty() && !seen.insert(flag).second)
      wrong(fmt::format("the option '{}'", flag), "is used by another property, or by the host");
  };
  bool has_resources = false;
  for (const Property& property : manifest_.properties) {
    has_resources = has_resources || property.type == PropertyType::resources;
    if (property.flag) {
      check(property.flag->name);
      check(property.flag->short_name);
    }
  }
  if (has_resources)
    for (const ResourceFlag& resource : resource_flags())
      check(resource.flag.name);
}

void ManifestReader::check_positionals() {
  bool rest_taken = false;
  for (const Property& property : manifest_.properties) {
    if (!property.positional)
      continue;
    if (rest_taken)
      wrong(fmt::format("property '{}'", property.name),
            "is positional after one that takes the rest");
    switch (property.type) {
      case PropertyType::text:
      case PropertyType::path:
      case PropertyType::target:
      case PropertyType::folder:
      case PropertyType::integer:
      case PropertyType::size:
      case PropertyType::duration:
        break;
      case PropertyType::texts:
      case PropertyType::paths:
      case PropertyType::requirements:
      case PropertyType::arguments:
        rest_taken = true;
        break;
      default:
        wrong(fmt::format("property '{}'", property.name), "cannot be positional with its type");
    }
  }
}

void ManifestReader::only(const Json& object,
                          const std::string& subject,
                          std::initializer_list<std::string_view> keys) {
  const std::vector<std::string> known(keys.begin(), keys.end());
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end())
      continue;
    const std::string hint = did_you_mean(key, known);
    wrong(subject,
          fmt::format("has the unknown member '{}'{}",
                      printable(key),
                      hint.empty() ? "" : fmt::format(", {}", hint)));
  }
}

std::string ManifestReader::text(const Json& object,
                                 const std::string& subject,
                                 std::string_view key) {
  const Json* member = json_member(object, key);
  if (member == nullptr)
    return {};
  if (!member->is_string() ||
      member->get_ref<const std::string&>().find('\0') != std::string::npos) {
    wrong(fmt::format("'{}' of {}", key, subject), "must be a text");
    return {};
  }
  return member->get<std::string>();
}

bool ManifestReader::boolean(const Json& object, const std::string& subject, std::string_view key) {
  const Json* member = json_member(object, key);
  if (member == nullptr)
    return false;
  if (!member->is_boolean())
    wrong(fmt::format("'{}' of {}", key, subject), "must be true or false");
  return member->is_boolean() && member->get<bool>();
}

std::vector<std::string> ManifestReader::texts(const Json& object,
                                               const std::string& subject,
                                               std::string_view key) {
  const Json* member = json_member(object, key);
  if (member == nullptr)
    return {};
  if (!member->is_array() ||
      !std::all_of(member->begin(), member->end(), [](const Json& e) { return e.is_string(); })) {
    wrong(fmt::format("'{}' of {}", key, subject), "must be a list of texts");
    return {};
  }
  return member->get<std::vector<std::string>>();
}

}  // namespace

const Property* Manifest::find(std::string_view key) const {
  const auto same = [&](std::string_view its_name) {
    return std::equal(its_name.begin(), its_name.end(), key.begin(), key.end(), [](char a, char b) {
      return a == b || (a == '_' && b == '-');
    });
  };
  for (const Property& property : properties)
    if (same(property.name) || std::any_of(property.aliases.begin(), property.aliases.end(), same))
      return &property;
  return nullptr;
}

const std::vector<std::string>* Manifest::group_of(std::string_view property) const {
  for (const auto& group : one_of)
    if (std::find(group.begin(), group.end(), property) != group.end())
      return &group;
  return nullptr;
}

std::string abi_version() {
  return std::to_string(DSTACK_ABI_MAJOR) + "." + std::to_string(DSTACK_ABI_MINOR);
}

/// The same major version, and nothing newer than this program; in version 0, which is not frozen,
/// exactly it.
bool is_supported(const Manifest& manifest) {
  constexpr std::uint32_t major = DSTACK_ABI_MAJOR;
  constexpr std::uint32_t minor = DSTACK_ABI_MINOR;
  if (manifest.abi_major != major)
    return false;
  return major == 0 ? manifest.abi_minor == minor : manifest.abi_minor <= minor;
}

Result<Manifest> parse_manifest(std::string_view text) {
  if (const auto bad = find_invalid_utf8(text))
    return fail(ErrorCode::configuration, "its manifest is not UTF-8, at byte {}", *bad);
  if (holds_several_json_texts(text))
    return fail(ErrorCode::configuration, "it contains more than one manifest")
        .with_hint(
            "use DSTACK_MANIFEST() in one source only, and not together with "
            "dstack_add_provider()");
  DSTACK_TRY(const Json json, parse_strict_json(text, "its manifest"));
  return ManifestReader(json).read();
}

}  // namespace dstack::provider

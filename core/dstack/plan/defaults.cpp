#include "dstack/plan/defaults.hpp"

#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/plan/options.hpp"
#include "dstack/provider/manifest/typed_value.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace dstack::plan {

namespace {

using config::Member;
using config::Value;
using config::ValueKind;
using provider::Property;
using provider::PropertyType;

/// An entry of `NAME=VALUE`, or NAME alone, as a member of a map.
Member member_of(const Value& entry) {
  const std::size_t equals = entry.text.find('=');
  Member member{entry.text.substr(0, equals), entry.where, entry};
  if (equals == std::string::npos) {
    member.value.kind = ValueKind::null;
    member.value.text.clear();
  } else {
    member.value.text = entry.text.substr(equals + 1);
    member.value.quoted = true;
  }
  return member;
}

/// The variables of an environment as a map, also where they are written as a list.
Value as_map(const Value& value) {
  if (value.kind != ValueKind::sequence)
    return value;
  Value map = config::make_mapping(value.where);
  for (const Value& entry : value.elements)
    map.members.push_back(member_of(entry));
  return map;
}

bool is_merged(PropertyType type) {
  return type == PropertyType::environment || type == PropertyType::resources ||
         type == PropertyType::map;
}

bool is_list_of_texts(const Value& value) {
  return std::all_of(value.elements.begin(), value.elements.end(), [](const Value& element) {
    return element.kind == ValueKind::scalar;
  });
}

/// Adds the entries of the default that the value lacks. What is neither a map nor such a list is
/// wrong, and stays as it is for the message.
void merge(Value& own, const Value& other, PropertyType type) {
  const bool usable = is_list_of_texts(own) && is_list_of_texts(other) &&
                      own.kind != ValueKind::scalar && other.kind != ValueKind::scalar &&
                      own.kind != ValueKind::null;
  if (!usable)
    return;
  const auto key = [type](const std::string& written) {
    return type == PropertyType::resources ? provider::normal_key(written) : written;
  };
  Value merged = as_map(own);
  std::set<std::string> known;
  for (const Member& member : merged.members)
    known.insert(key(member.key));
  for (Member& member : as_map(other).members)
    if (!known.contains(key(member.key)))
      merged.members.push_back(std::move(member));
  own = std::move(merged);
}

/// The defaults of one file, and what has come of them.
class FileDefaults {
 public:
  explicit FileDefaults(const Value& defaults) : defaults_(defaults) {}

  void apply_to(config::Workflow& workflow, const provider::Manifest& manifest) {
    for (const Property& property : manifest.properties)
      names_.insert(property.name);
    providers_.insert(manifest.name);
    const Value written = workflow.properties;
    for (const Member& member : defaults_.members) {
      const Property* property = manifest.find(member.key);
      if (property == nullptr)
        continue;
      taken_.insert(&member);
      if (property->required)
        required_.emplace(&member, manifest.name);
      else if (find_member(written, *property) == nullptr)
        workflow.properties.members.push_back(member);
      else if (is_merged(property->type))
        merge_into(workflow.properties, *property, member.value);
    }
  }

  void report(std::vector<config::Finding>& findings) const {
    for (const Member& member : defaults_.members) {
      const auto required = required_.find(&member);
      if (required != required_.end())
        insert(is_required(member, required->second), findings);
      else if (!providers_.empty() && !taken_.contains(&member))
        insert(unknown(member), findings);
    }
  }

 private:
  static void merge_into(Value& properties, const Property& property, const Value& other) {
    const Member* own = find_member(properties, property);
    for (Member& member : properties.members)
      if (&member == own)
        merge(member.value, other, property.type);
  }

  /// In the order of the file.
  static void insert(Error error, std::vector<config::Finding>& findings) {
    const SourceLocation& place = *error.where;
    const auto later = std::find_if(findings.begin(), findings.end(), [&](const auto& finding) {
      const auto& where = finding.error.where;
      return where && where->source == place.source &&
             std::pair(where->line, where->column) > std::pair(place.line, place.column);
    });
    findings.insert(later, {std::move(error), ""});
  }

  static Error is_required(const Member& member, const std::string& provider) {
    return make_error(ErrorCode::configuration,
                      "'{}' cannot be a default: provider '{}' requires it of each workflow",
                      member.key,
                      provider)
        .at(member.key_where)
        .with_hint("write it in each workflow");
  }

  Error unknown(const Member& member) const {
    const std::vector<std::string> names(names_.begin(), names_.end());
    const std::string meant = did_you_mean(provider::normal_key(member.key), names);
    const std::vector<std::string> providers(providers_.begin(), providers_.end());
    return make_error(ErrorCode::configuration,
                      "no workflow of this file takes the default '{}'",
                      printable(member.key))
        .at(member.key_where)
        .with_hint("{}",
                   !meant.empty() ? meant
                                  : fmt::format("the workflows of this file have {} {}",
                                                providers.size() == 1 ? "the provider"
                                                                      : "the "
                                                                        "providers",
                                                quoted_list(providers)));
  }

  const Value& defaults_;
  std::set<const Member*> taken_;
  std::map<const Member*, std::string> required_;  ///< by which provider
  std::set<std::string> names_;                    ///< of properties
  std::set<std::string> providers_;
};

}  // namespace

void apply_defaults(config::Project& project, const provider::Registry& providers) {
  std::map<const Value*, FileDefaults> files;
  for (auto* workflows : {&project.workflows, &project.without_place})
    for (config::Workflow& workflow : *workflows) {
      if (!workflow.defaults)
        continue;
      const auto file = files.try_emplace(workflow.defaults.get(), *workflow.defaults).first;
      const provider::Candidate* candidate = providers.find(workflow.provider);
      if (candidate != nullptr && candidate->manifest &&
          provider::is_supported(*candidate->manifest))
        file->second.apply_to(workflow, *candidate->manifest);
    }
  for (const auto& [defaults, file] : files)
    file.report(project.findings);
}

}  // namespace dstack::plan

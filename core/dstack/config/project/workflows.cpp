// Entries of a workflows file, each for itself.
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/project/interpolation.hpp"
#include "dstack/config/project/loading.hpp"
#include "dstack/config/yaml/file_source.hpp"
#include "dstack/config/yaml/misread.hpp"
#include "dstack/config/yaml/reference_syntax.hpp"

#include <algorithm>
#include <limits>
#include <unordered_set>
#include <utility>

namespace dstack::config {

namespace {

enum class EntryKey { name, provider, help, depends_on, secrets, other };

EntryKey entry_key(std::string_view key) {
  if (key == "name")
    return EntryKey::name;
  if (key == "provider")
    return EntryKey::provider;
  if (key == "help")
    return EntryKey::help;
  if (key == "depends-on" || key == "depends_on" || key == "deps")
    return EntryKey::depends_on;
  if (key == "secrets")
    return EntryKey::secrets;
  return EntryKey::other;
}

/// Reads one entry. Everything wrong with it concerns the workflow of its name.
class EntryReader {
 public:
  EntryReader(Value& entry, std::string label, Project& project)
      : entry_(entry), label_(std::move(label)), project_(project), findings_(project.findings) {}

  /// Adds the workflow, to those without place when it has no usable name. Returns its name in
  /// findings.
  std::string read() {
    if (!check_kind())
      return label_;
    workflow_.where = entry_.where;
    workflow_.properties = make_mapping(entry_.where);
    if (const auto name = find(EntryKey::name))
      read_name(*name);
    else
      findings_.add(label_,
                    make_error(ErrorCode::configuration, "the workflow has no 'name'")
                        .at(entry_.where)
                        .with_hint("{}", missing_hint("name", "add 'name: …'")));
    if (const auto provider = find(EntryKey::provider))
      read_provider(*provider);
    else
      findings_.add(
          label_,
          make_error(ErrorCode::configuration, "{} has no 'provider'", subject())
              .at(entry_.where)
              .with_hint("{}",
                         missing_hint("provider",
                                      "add 'provider: …'; 'dstack providers list' shows them")));
    take_members();
    (workflow_.name.empty() ? project_.without_place : project_.workflows)
        .push_back(std::move(workflow_));
    return label_;
  }

 private:
  std::string subject() const {
    return workflow_.name.empty() ? std::string("the workflow")
                                  : fmt::format("workflow '{}'", workflow_.name);
  }

  bool check_kind() {
    if (entry_.kind == ValueKind::mapping)
      return true;
    findings_.add(label_,
                  make_error(ErrorCode::configuration,
                             "a workflow must be a map with 'name' and 'provider', not {}",
                             describe(entry_))
                      .at(entry_.where)
                      .with_hint("{}",
                                 entry_.kind == ValueKind::scalar && is_name(entry_.text)
                                     ? fmt::format("write '- name: {}'", entry_.text)
                                     : "begin each with '- name: …'"));
    return false;
  }

  const Value* find(EntryKey key) const {
    for (const Member& member : entry_.members)
      if (entry_key(member.key) == key)
        return &member.value;
    return nullptr;
  }

  std::string missing_hint(std::string_view wanted, std::string otherwise) const {
    std::vector<std::string> keys;
    for (const Member& member : entry_.members)
      if (entry_key(member.key) == EntryKey::other)
        keys.push_back(member.key);
    const std::vector<std::string> close = closest(wanted, keys);
    return close.empty() ? otherwise
                         : fmt::format("did you mean '{}' instead of '{}'?", wanted, close.front());
  }

  /// The text of `name` or `provider`; nothing where there is none, which was reported then.
  std::optional<std::string> plain_text(std::string_view key, const Value& value) {
    if (value.kind != ValueKind::scalar || value.text.empty()) {
      const bool empty = value.kind == ValueKind::null || value.kind == ValueKind::scalar;
      findings_.add(
          label_,
          make_error(ErrorCode::configuration,
                     "{}",
                     empty ? fmt::format("'{}' is empty", key)
                           : fmt::format("'{}' must be a text, not {}", key, describe(value)))
              .at(value.where)
              .with_hint("{}",
                         key == "provider" ? "write 'provider: python', for example"
                                           : "write 'name: train', for example"));
      return std::nullopt;
    }
    if (holds_reference(value.text)) {
      findings_.add(label_,
                    make_error(ErrorCode::configuration,
                               "'{}' cannot hold a reference such as '${{{{ name }}}}'",
                               key)
                        .at(value.where)
                        .with_hint("write the {} itself", key));
      return std::nullopt;
    }
    return value.text;
  }

  void read_name(const Value& value) {
    workflow_.name_where = value.where;
    const auto text = plain_text("name", value);
    if (!text)
      return;
    if (!is_name(*text)) {
      findings_.add(
          label_,
          make_error(
              ErrorCode::configuration, "'{}' is not a valid workflow name", printable(*text))
              .at(value.where)
              .with_hint(
                  "a name consists of letters, digits, '.', '_' and '-', and begins with a letter "
                  "or digit"));
      return;
    }
    if (*text == "global") {
      findings_.add(label_,
                    make_error(ErrorCode::configuration, "a workflow cannot be called 'global'")
                        .at(value.where)
                        .with_hint("in variables.yaml that name stands for all workflows"));
      return;
    }
    workflow_.name = *text;
    label_ = *text;
  }

  void read_provider(const Value& value) {
    workflow_.provider_where = value.where;
    const auto text = plain_text("provider", value);
    if (!text)
      return;
    if (is_name(*text))
      workflow_.provider = *text;
    else
      findings_.add(
          label_,
          make_error(
              ErrorCode::configuration, "'{}' is not a valid provider name", printable(*text))
              .at(value.where)
              .with_hint("'dstack providers list' shows them"));
  }

  void take_members() {
    const Member* dependencies = nullptr;
    for (Member& member : entry_.members) {
      switch (entry_key(member.key)) {
        case EntryKey::name:
        case EntryKey::provider:
          break;
        case EntryKey::help:
          read_help(member.value);
          break;
        case EntryKey::depends_on:
          if (dependencies == nullptr)
            read_dependencies(member.value);
          else
            findings_.add(label_,
                          make_error(ErrorCode::configuration,
                                     "'{}' and '{}' are the same key",
                                     member.key,
                                     dependencies->key)
                              .at(member.key_where)
                              .with_hint("'{}' is at {}; merge the two lists",
                                         dependencies->key,
                                         dependencies->key_where.render()));
          dependencies = &member;
          break;
        case EntryKey::secrets:
          workflow_.secrets = read_secret_names(member.value, label_, findings_);
          break;
        case EntryKey::other:
          workflow_.properties.members.push_back(std::move(member));
          break;
      }
    }
  }

  void read_help(const Value& value) {
    if (value.kind == ValueKind::sequence || value.kind == ValueKind::mapping) {
      const std::string misread = explain_misread(value);
      findings_.add(
          label_,
          make_error(ErrorCode::configuration, "'help' must be a text, not {}", describe(value))
              .at(value.where)
              .with_hint(
                  "{}", misread.empty() ? "write 'help: Trains the model', for example" : misread));
    } else if (auto text = with_variables(value)) {
      workflow_.help = std::move(*text);
    }
  }

  /// The scalar's text with the variables of the files; nothing when one is unknown, which was
  /// reported then.
  std::optional<std::string> with_variables(const Value& value) {
    if (!holds_reference(value.text))
      return value.text;
    auto replaced = interpolate(value, file_scope(project_, workflow_.name));
    if (replaced)
      return std::move(replaced->value.text);
    findings_.add_all(label_, std::move(replaced).error());
    return std::nullopt;
  }

  void read_dependencies(const Value& value) {
    if (is_dependency_map(value)) {
      read_dependency(value);
      return;
    }
    if (value.kind == ValueKind::mapping) {
      findings_.add(label_,
                    make_error(ErrorCode::configuration,
                               "'depends-on' must be a list of workflows, not a map")
                        .at(value.where)
                        .with_hint("write 'depends-on: [download]', or 'depends-on: "
                                   "[download:latest]' without a space before the tag"));
      return;
    }
    if (value.kind == ValueKind::scalar)
      read_dependency(value);
    workflow_.depends_on.reserve(value.elements.size());
    for (const Value& element : value.elements)
      read_dependency(element);
  }

  void read_dependency(const Value& element) {
    if (is_dependency_map(element)) {
      auto text = dependency_text(element, findings_, label_);
      if (text)
        add_dependency(make_scalar(*std::move(text), element.where));
    } else if (element.kind == ValueKind::scalar) {
      add_dependency(element);
    } else {
      findings_.add(label_,
                    make_error(ErrorCode::configuration,
                               "a dependency must be the name of a workflow, not {}",
                               describe(element))
                        .at(element.where)
                        .with_hint("{}", dependency_hint(element)));
    }
  }

  void add_dependency(const Value& element) {
    const auto text = with_variables(element);
    if (!text)
      return;
    auto dependency = parse_dependency(*text, element.where);
    if (!dependency) {
      findings_.add(label_, std::move(dependency).error());
      return;
    }
    if (!known_dependencies_.insert(*text).second) {
      findings_.add(label_, dependency_twice(*text, element.where));
      return;
    }
    if (holds_reference(element.text))
      dependency->written = element.text;
    workflow_.depends_on.push_back(std::move(*dependency));
  }

  Value& entry_;
  std::string label_;
  Project& project_;
  Findings findings_;
  Workflow workflow_;
  std::unordered_set<std::string> known_dependencies_;
};

/// Which workflow the lines of a file belong to.
struct LineRange {
  std::uint32_t first = 0;
  std::uint32_t last = std::numeric_limits<std::uint32_t>::max();
  std::string workflow;
};

std::vector<LineRange> line_ranges(const Value& root, const Value& entries) {
  std::vector<LineRange> ranges(entries.elements.size());
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    ranges[i].first = entries.elements[i].where.line;
    if (i > 0)
      ranges[i - 1].last = ranges[i].first - 1;
  }
  if (!ranges.empty())
    for (const Member& member : root.members)
      if (member.key_where.line > ranges.back().first)
        ranges.back().last = std::min(ranges.back().last, member.key_where.line - 1);
  return ranges;
}

/// An error in the file's text concerns the workflow whose lines contain it.
void attribute(std::vector<Error> errors,
               const std::vector<LineRange>& ranges,
               Findings& findings) {
  for (Error& error : errors) {
    const std::uint32_t line = error.where->line;
    const auto after = std::upper_bound(
        ranges.begin(), ranges.end(), line, [](std::uint32_t at, const LineRange& range) {
          return at < range.first;
        });
    const bool inside = after != ranges.begin() && line <= (after - 1)->last;
    findings.add(inside ? (after - 1)->workflow : "", std::move(error));
  }
}

/// The file's `defaults`; null where there are none. The key stays in the root as one that is free:
/// it ends the lines of a workflow before it.
std::shared_ptr<const Value> take_defaults(ParsedYaml& file, Findings& findings) {
  auto& members = file.root.members;
  const auto found = std::find_if(members.begin(), members.end(), [](const Member& member) {
    return member.key == "defaults";
  });
  if (found == members.end())
    return nullptr;
  found->key = "x-defaults";
  auto defaults = std::make_shared<Value>(std::move(found->value));
  if (defaults->kind == ValueKind::null)
    return nullptr;
  if (defaults->kind != ValueKind::mapping) {
    findings.add(
        "",
        make_error(ErrorCode::configuration,
                   "'defaults' must be a map of properties, not {}",
                   describe(*defaults))
            .at(defaults->where)
            .with_hint("write 'defaults: {{requirements: requirements.txt}}', for example"));
    return nullptr;
  }
  std::vector<Member> kept;
  for (Member& member : defaults->members) {
    if (entry_key(member.key) == EntryKey::other)
      kept.push_back(std::move(member));
    else
      findings.add(
          "",
          make_error(ErrorCode::configuration,
                     "'{}' belongs to a workflow, and cannot be a default",
                     member.key)
              .at(member.key_where)
              .with_hint(
                  "write it {}in each workflow",
                  entry_key(member.key) == EntryKey::secrets ? "at the top of the file, or " : ""));
  }
  defaults->members = std::move(kept);
  return defaults;
}

}  // namespace

void add_workflows(ParsedYaml file, Project& project) {
  Findings findings(project.findings);
  const auto defaults = take_defaults(file, findings);
  Value* entries = read_root(file, "workflows", findings);
  if (entries != nullptr && entries->kind != ValueKind::sequence) {
    findings.add(
        "",
        make_error(
            ErrorCode::configuration, "'workflows' must be a list, not {}", describe(*entries))
            .at(entries->where)
            .with_hint("begin each workflow with '- name: …'"));
    entries = nullptr;
  }
  if (entries == nullptr) {
    attribute(std::move(file.errors), {}, findings);
    return;
  }
  std::vector<LineRange> ranges = line_ranges(file.root, *entries);
  const std::size_t before = project.workflows.size();
  const std::size_t before_without_place = project.without_place.size();
  project.workflows.reserve(before + entries->elements.size());
  for (std::size_t i = 0; i < entries->elements.size(); ++i)
    ranges[i].workflow =
        EntryReader(entries->elements[i], fmt::format("entry {} of the list", i + 1), project)
            .read();
  for (std::size_t i = before; i < project.workflows.size(); ++i)
    project.workflows[i].defaults = defaults;
  for (std::size_t i = before_without_place; i < project.without_place.size(); ++i)
    project.without_place[i].defaults = defaults;
  attribute(std::move(file.errors), ranges, findings);
}

}  // namespace dstack::config

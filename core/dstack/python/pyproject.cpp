#include "dstack/python/pyproject.hpp"

#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>
#include <set>

namespace dstack::python {

namespace {

constexpr std::size_t most_requirements = 10'000;

/// A requirement in parts: `name[extras] rest ; marker`.
struct Parts {
  std::string name;
  std::vector<std::string> extras;
  std::string rest;    ///< a version, or `@ URL`
  std::string marker;  ///< without its semicolon
};

Parts parts_of(std::string_view text) {
  Parts parts;
  const std::size_t semicolon =
      text.find('@') == std::string_view::npos ? text.find(';') : text.find(" ;");
  if (semicolon != std::string_view::npos) {
    parts.marker = trim(text.substr(text.find(';', semicolon) + 1));
    text = text.substr(0, semicolon);
  }
  text = trim(text);
  parts.name = package_name_of(text);
  text = trim(text.substr(parts.name.size()));
  if (const std::size_t end = text.find(']'); text.starts_with('[') && end != text.npos) {
    for (const std::string_view extra : split(text.substr(1, end - 1), ','))
      if (!trim(extra).empty())
        parts.extras.emplace_back(trim(extra));
    text = trim(text.substr(end + 1));
  }
  parts.rest = text;
  return parts;
}

std::string with_extras(const Parts& parts) {
  return parts.extras.empty() ? parts.name
                              : fmt::format("{}[{}]", parts.name, join(parts.extras, ","));
}

std::string both(const std::string& one, const std::string& other) {
  if (one.empty() || other.empty())
    return one + other;
  return fmt::format("({}) and ({})", one, other);
}

std::string marked(const std::string& marker) {
  return marker.empty() ? "" : fmt::format(" ; {}", marker);
}

std::string text_of(const TomlValue& table, std::string_view key) {
  const TomlValue* value = table.find(key);
  return value != nullptr && value->kind == TomlKind::text ? value->text : std::string();
}

bool is_true(const TomlValue& table, std::string_view key) {
  const TomlValue* value = table.find(key);
  return value != nullptr && value->text == "true";
}

const TomlMember* find_normal(const TomlValue* table, std::string_view name) {
  if (table != nullptr)
    for (const TomlMember& member : table->members)
      if (normal_package_name(member.key) == normal_package_name(name))
        return &member;
  return nullptr;
}

/// `[tool.uv] dev-dependencies`, the older way to write the group `dev`, or null.
const TomlValue* older_group(const TomlValue& root, std::string_view group) {
  return normal_package_name(group) == "dev" ? root.find({"tool", "uv", "dev-dependencies"})
                                             : nullptr;
}

Failure unknown_part(const TomlValue& root,
                     const std::string& file,
                     const TomlValue* table,
                     std::string_view kind,
                     const std::string& name) {
  std::vector<std::string> known;
  if (table != nullptr)
    for (const TomlMember& member : table->members)
      known.push_back(member.key);
  std::string hint = did_you_mean(name, known);
  if (hint.empty())
    hint = known.empty() ? fmt::format("it has no {}s", kind)
                         : fmt::format("it has {}", quoted_list(known));
  return fail(ErrorCode::configuration, "'{}' has no {} '{}'", file, kind, printable(name))
      .at(table != nullptr ? table->where : root.where)
      .with_hint("{}", hint);
}

class Reader {
 public:
  Reader(const TomlValue& root, const job::RequirementsSource& source)
      : root_(root), source_(source), project_(root.find("project")) {}

  Result<std::vector<ProjectRequirement>> read() {
    DSTACK_CHECK(check_parts(root_, source_));
    DSTACK_CHECK(add_indexes());
    if (source_.project) {
      found_.push_back({"", ".", project_extras(), root_.where});
    } else {
      DSTACK_CHECK(add_dependencies());
      for (const std::string& extra : source_.extras)
        DSTACK_CHECK(add_extra(extra, ""));
    }
    for (const std::string& group : source_.groups)
      DSTACK_CHECK(add_group(group));
    return std::move(found_);
  }

 private:
  std::string project_extras() const {
    return source_.extras.empty() ? "" : fmt::format("[{}]", join(source_.extras, ","));
  }

  Failure no_project() const {
    const bool poetry = root_.find({"tool", "poetry"}) != nullptr;
    return fail(ErrorCode::configuration,
                "'{}' has no table [project], so it names no packages",
                source_.file)
        .at(root_.where)
        .with_hint("{}",
                   poetry ? "the tables of Poetry are its own: write what it installs into a file "
                            "with 'poetry export -o requirements.txt', and name that"
                          : "name a requirements file instead, or the groups that are meant: "
                            "{file: …, groups: […]}");
  }

  Result<void> add_dependencies() {
    if (project_ == nullptr)
      return source_.groups.empty() || !source_.extras.empty() ? Result<void>(no_project())
                                                               : Result<void>();
    if (const TomlValue* dynamic = dynamic_entry("dependencies"))
      return fail(ErrorCode::configuration,
                  "the dependencies in '{}' are dynamic: only a build of the project knows them",
                  source_.file)
          .at(dynamic->where)
          .with_hint("install the project itself, with 'requirements: {{file: {}, project: true}}'",
                     source_.file);
    const TomlValue* dependencies = project_->find("dependencies");
    return dependencies == nullptr ? Result<void>() : add_list(*dependencies, "");
  }

  const TomlValue* dynamic_entry(std::string_view name) const {
    const TomlValue* dynamic = project_->find("dynamic");
    if (dynamic != nullptr)
      for (const TomlValue& entry : dynamic->elements)
        if (entry.text == name)
          return &entry;
    return nullptr;
  }

  Result<void> add_extra(const std::string& extra, const std::string& marker) {
    if (!extras_.insert(normal_package_name(extra) + "\n" + marker).second)
      return {};
    const TomlValue* extras =
        project_ == nullptr ? nullptr : project_->find("optional-dependencies");
    const TomlMember* member = find_normal(extras, extra);
    if (member == nullptr)
      return unknown_part(root_, source_.file, extras, "extra", extra);
    return add_list(member->value, marker);
  }

  Result<void> add_group(const std::string& group) {
    const std::string name = normal_package_name(group);
    const TomlValue* groups = root_.find("dependency-groups");
    const TomlMember* member = find_normal(groups, group);
    const TomlValue* older = older_group(root_, group);
    if (member == nullptr && older == nullptr)
      return unknown_part(root_, source_.file, groups, "group", group);
    if (std::find(open_.begin(), open_.end(), name) != open_.end())
      return fail(ErrorCode::configuration,
                  "the dependency groups of '{}' include each other in a cycle: {} -> {}",
                  source_.file,
                  join(open_, " -> "),
                  name)
          .at(member == nullptr ? older->where : member->key_where)
          .with_hint("remove one of the entries 'include-group'");
    if (!groups_.insert(name).second)
      return {};
    open_.push_back(name);
    if (member != nullptr)
      DSTACK_CHECK(add_list(member->value, ""));
    if (older != nullptr)
      DSTACK_CHECK(add_list(*older, ""));
    open_.pop_back();
    return {};
  }

  Result<void> add_list(const TomlValue& list, const std::string& marker) {
    if (list.kind != TomlKind::list)
      return fail(ErrorCode::configuration,
                  "dependencies must be a list of texts, not {}",
                  describe(list))
          .at(list.where);
    for (const TomlValue& entry : list.elements) {
      if (entry.kind == TomlKind::table && !text_of(entry, "include-group").empty())
        DSTACK_CHECK(add_group(text_of(entry, "include-group")));
      else if (entry.kind == TomlKind::text)
        DSTACK_CHECK(add(entry, marker));
      else
        return fail(
                   ErrorCode::configuration, "a dependency must be a text, not {}", describe(entry))
            .at(entry.where)
            .with_hint("such as \"numpy>=1.26\"");
    }
    return {};
  }

  Result<void> add(const TomlValue& entry, const std::string& marker) {
    Parts parts = parts_of(entry.text);
    if (parts.name.empty() || entry.text.find_first_of("\r\n") != std::string::npos)
      return fail(ErrorCode::configuration, "'{}' is not a dependency", printable(entry.text))
          .at(entry.where)
          .with_hint("write it as \"numpy>=1.26\"");
    if (found_.size() > most_requirements)
      return fail(ErrorCode::configuration, "'{}' has too many dependencies", source_.file)
          .at(entry.where);
    parts.marker = both(parts.marker, marker);
    if (project_ != nullptr &&
        normal_package_name(text_of(*project_, "name")) == normal_package_name(parts.name)) {
      for (const std::string& extra : parts.extras)  // "all = ["mine[gpu,docs]"]"
        DSTACK_CHECK(add_extra(extra, parts.marker));
      return {};
    }
    const TomlMember* from = find_normal(root_.find({"tool", "uv", "sources"}), parts.name);
    if (from == nullptr) {
      add_plain(parts, entry.where);
      return {};
    }
    if (from->value.kind != TomlKind::list)
      return add_from(parts, from->value);
    for (const TomlValue& one : from->value.elements)
      DSTACK_CHECK(add_from(parts, one));
    return {};
  }

  void add_plain(const Parts& parts, const SourceLocation& where) {
    const std::string rest = parts.rest.starts_with('@') ? " " + parts.rest : parts.rest;
    found_.push_back({with_extras(parts) + rest + marked(parts.marker), "", "", where});
  }

  /// From where [tool.uv.sources] says.
  Result<void> add_from(Parts parts, const TomlValue& from) {
    parts.marker = both(parts.marker, text_of(from, "marker"));
    const std::string begin = with_extras(parts) + " @ ";
    if (is_true(from, "workspace"))
      return fail(ErrorCode::configuration,
                  "'{}' comes from the workspace of uv, which only uv can install",
                  parts.name)
          .at(from.where)
          .with_hint("name the lock instead: 'requirements: uv.lock'");
    if (const std::string git = text_of(from, "git"); !git.empty()) {
      found_.push_back({begin + git_url(git, from) + marked(parts.marker), "", "", from.where});
    } else if (const std::string url = text_of(from, "url"); !url.empty()) {
      found_.push_back({begin + url + marked(parts.marker), "", "", from.where});
    } else if (const std::string path = text_of(from, "path"); !path.empty()) {
      found_.push_back({begin, path, marked(parts.marker), from.where});
    } else {
      add_plain(parts, from.where);  // from an index, which is named before
    }
    return {};
  }

  static std::string git_url(const std::string& git, const TomlValue& from) {
    std::string url = git.starts_with("git+") ? git : "git+" + git;
    for (const char* key : {"rev", "tag", "branch"})
      if (const std::string at = text_of(from, key); !at.empty())
        url += "@" + at;
    if (const std::string folder = text_of(from, "subdirectory"); !folder.empty())
      url += "#subdirectory=" + folder;
    return url;
  }

  /// [[tool.uv.index]]. Both installers look in all of them; that a package comes from one of them
  /// alone only a lock can say.
  Result<void> add_indexes() {
    const TomlValue* indexes = root_.find({"tool", "uv", "index"});
    if (indexes == nullptr)
      return {};
    for (const TomlValue& index : indexes->elements) {
      const std::string url = text_of(index, "url");
      const char* option = is_true(index, "default") ? "--index-url" : "--extra-index-url";
      if (url.find("://") != std::string::npos && url.find_first_of(" \r\n") == std::string::npos)
        found_.push_back({fmt::format("{} {}", option, url), "", "", index.where});
    }
    return {};
  }

  const TomlValue& root_;
  const job::RequirementsSource& source_;
  const TomlValue* project_;
  std::vector<ProjectRequirement> found_;
  std::set<std::string> extras_;
  std::set<std::string> groups_;
  std::vector<std::string> open_;  ///< the groups being read, outermost first
};

}  // namespace

std::string normal_package_name(std::string_view name) {
  std::string normal;
  for (const char c : to_lower(name)) {
    const bool separator = c == '-' || c == '_' || c == '.';
    if (separator && normal.ends_with('-'))
      continue;
    normal += separator ? '-' : c;
  }
  return normal;
}

std::string_view package_name_of(std::string_view requirement) {
  std::size_t end = 0;
  for (; end < requirement.size(); ++end) {
    const char c = requirement[end];
    const bool in_name = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    if (!in_name)
      break;
  }
  return requirement.substr(0, end);
}

Result<void> check_parts(const TomlValue& root, const job::RequirementsSource& source) {
  const TomlValue* extras = root.find({"project", "optional-dependencies"});
  for (const std::string& extra : source.extras)
    if (!source.project && find_normal(extras, extra) == nullptr)
      return unknown_part(root, source.file, extras, "extra", extra);
  const TomlValue* groups = root.find("dependency-groups");
  for (const std::string& group : source.groups)
    if (find_normal(groups, group) == nullptr && older_group(root, group) == nullptr)
      return unknown_part(root, source.file, groups, "group", group);
  return {};
}

Result<std::vector<ProjectRequirement>> project_requirements(
    const TomlValue& root, const job::RequirementsSource& source) {
  return Reader(root, source).read();
}

}  // namespace dstack::python

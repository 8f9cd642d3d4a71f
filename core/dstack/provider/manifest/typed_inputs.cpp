// The values of `inputs` and `env_file`: paths that may lead anywhere on this machine. Nothing is
// looked for here.
#include "dstack/base/shell_variable.hpp"
#include "dstack/base/text.hpp"
#include "dstack/provider/manifest/typed_value.hpp"

namespace dstack::provider {

namespace {

using config::Value;
using config::ValueKind;

constexpr std::string_view project_variable = "DSTACK_PROJECT";

/// The text of a path, where the value is one or has one.
const Value* path_of(const Value& value) {
  const Value* path = value.kind == ValueKind::mapping ? value.find("path") : &value;
  return path != nullptr && path->kind == ValueKind::scalar && !path->text.empty() ? path : nullptr;
}

/// Below the project's root without `.` and doubled slashes; absolute paths without `..` either.
std::string normal_path(const std::string& text) {
  if (auto inside = normal_relative_path(text))
    return inside->empty() ? "." : *inside;
  std::string normal = Path(text).lexically_normal().string();
  while (normal.size() > 1 && (normal.ends_with('/') || normal.ends_with("/.")))
    normal.resize(normal.rfind('/') == 0 ? 1 : normal.rfind('/'));
  return normal;
}

}  // namespace

/// One value, or a list of them; each has its own place.
Json ValueTyper::each(const std::string& name, const Value& value, Element element) {
  Json all = Json::array();
  const auto add = [&](std::size_t index, const Value& one) {
    const std::string place = fmt::format("{}.{}", name, index);
    checked_.where[place] = one.where;
    if (Json typed = (this->*element)(place, one); !typed.is_null())
      all.push_back(std::move(typed));
  };
  if (value.kind != ValueKind::sequence)
    add(0, value);
  for (std::size_t i = 0; i < value.elements.size(); ++i)
    add(i, value.elements[i]);
  return all;
}

Json ValueTyper::inputs(const std::string& name, const Value& value) {
  return each(name, value, &ValueTyper::input);
}

Json ValueTyper::input(const std::string& name, const Value& value) {
  Json typed = Json::object();
  if (value.kind == ValueKind::mapping) {
    const std::size_t before = errors_.size();
    typed = map_of_ours(name,
                        value,
                        {{"path", &ValueTyper::anywhere},
                         {"at", &ValueTyper::place_in_workspace},
                         {"link", &ValueTyper::boolean}});
    if (errors_.size() > before)
      return nullptr;
  }
  const Value* path = path_of(value);
  if (path == nullptr)
    return error(value.where,
                 "an input must be a path or {path: …, at: …, link: true}",
                 "such as 'data/data.xml', or {path: /data/images, at: images}");
  if (value.kind == ValueKind::scalar)
    typed["path"] = anywhere(name, value);
  if (typed["path"].is_null())
    return nullptr;
  if (!typed.contains("at"))
    if (auto inside = normal_relative_path(path->text); inside && !inside->empty())
      typed["at"] = *std::move(inside);
  if (!typed.contains("link"))
    typed["link"] = false;
  return typed;
}

Json ValueTyper::env_files(const std::string& name, const Value& value) {
  return each(name, value, &ValueTyper::env_file);
}

Json ValueTyper::env_file(const std::string& name, const Value& value) {
  Json typed = Json::object();
  if (value.kind == ValueKind::mapping) {
    const std::size_t before = errors_.size();
    typed =
        map_of_ours(name, value, {{"path", &ValueTyper::anywhere}, {"mask", &ValueTyper::boolean}});
    if (errors_.size() > before)
      return nullptr;
  }
  if (path_of(value) == nullptr)
    return error(value.where,
                 "a file of variables must be a path or {path: …, mask: false}",
                 "such as '.env'");
  if (value.kind == ValueKind::scalar)
    typed["path"] = anywhere(name, value);
  if (typed["path"].is_null())
    return nullptr;
  if (!typed.contains("mask"))
    typed["mask"] = true;
  return typed;
}

/// The normal form of a path that may lead out of the project.
Json ValueTyper::anywhere(const std::string& name, const Value& value) {
  if (value.kind != ValueKind::scalar || value.text.empty())
    return wrong(name, value, "a path");
  if (text(name, value).is_null() || refuse_unexpanded(value))
    return nullptr;
  return normal_path(value.text);
}

/// Where an input is laid: below the root of the workspace.
Json ValueTyper::place_in_workspace(const std::string& name, const Value& value) {
  if (value.kind != ValueKind::scalar || value.text.empty())
    return wrong(name, value, "a path below the project's root");
  if (text(name, value).is_null() || refuse_unexpanded(value))
    return nullptr;
  const auto normal = normal_relative_path(value.text);
  if (!normal)
    return error(value.where,
                 fmt::format("'at' leads out of the project: '{}'", printable(value.text)),
                 "it is where jobs find the input: a path from the project's root, without '..'");
  if (normal->empty())
    return error(value.where,
                 fmt::format("'at' is the project's root itself: '{}'", printable(value.text)),
                 "name a file or folder below it");
  return *normal;
}

bool ValueTyper::refuse_unexpanded(const Value& path) {
  if (refuse_project_path(path))
    return true;
  if (path.text.front() == '~') {
    const auto home = caller_("HOME");
    const bool own = path.text.size() == 1 || path.text[1] == '/';
    error(path.where,
          fmt::format("'~' is not expanded in '{}'", printable(path.text)),
          own && home ? fmt::format("write the whole path: '{}{}'", *home, path.text.substr(1))
                      : "write the whole path");
    return true;
  }
  const std::string variable = find_shell_variable(path.text);
  if (variable.empty())
    return false;
  error(path.where,
        fmt::format("'{}' is not expanded in '{}'", variable, printable(path.text)),
        fmt::format("write the whole path, or a variable of the workflow: '${{{{ {} }}}}'",
                    to_lower(name_of_shell_variable(variable))));
  return true;
}

bool ValueTyper::refuse_project_path(const Value& path) {
  const std::string found = find_shell_variable(path.text, project_variable);
  if (found.empty())
    return false;
  std::string_view rest = path.text;
  if (rest.starts_with(found + "/"))
    rest.remove_prefix(found.size() + 1);
  error(path.where,
        fmt::format("'{}' is not the name of a folder: it is not expanded here", found),
        rest == path.text || rest.empty()
            ? "paths begin at the project's root without it"
            : fmt::format("paths begin at the project's root: write '{}'", printable(rest)));
  return true;
}

bool ValueTyper::refuse_project_value(std::string_view name,
                                      std::string_view value,
                                      const SourceLocation& where) {
  const std::string found = find_shell_variable(value, project_variable);
  if (found.empty())
    return false;
  const bool begins = value.starts_with(found);
  error(
      where,
      fmt::format("'{}' in '{}' is not the name of a folder: it is not expanded here", found, name),
      fmt::format("'${{{{ run.project }}}}{}' is in your own folder; in the job's copy of it, a "
                  "path without either is",
                  begins ? printable(value.substr(found.size())) : std::string()));
  return true;
}

}  // namespace dstack::provider

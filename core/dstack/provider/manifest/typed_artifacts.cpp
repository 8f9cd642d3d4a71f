// The values of `artifacts`: paths and patterns below the working directory.
#include "dstack/base/path.hpp"
#include "dstack/base/path_pattern.hpp"
#include "dstack/base/shell_variable.hpp"
#include "dstack/base/text.hpp"
#include "dstack/provider/manifest/typed_value.hpp"

#include <algorithm>
#include <utility>

namespace dstack::provider {

namespace {

using config::Value;
using config::ValueKind;

}  // namespace

Json ValueTyper::artifacts(const std::string& name, const Value& value) {
  Value one;
  if (value.kind == ValueKind::mapping) {
    one.kind = ValueKind::sequence;
    one.elements.push_back(value);
  }
  const Json entries = list(name, one.kind == ValueKind::null ? value : one, &ValueTyper::artifact);
  Json unique = Json::array();
  std::vector<std::string> required;
  for (const Json& entry : entries) {
    const Json& path = entry["path"];
    if (std::find(unique.begin(), unique.end(), path) == unique.end())
      unique.push_back(path);
    (entry["optional"] == true ? checked_.optional_artifacts : required)
        .push_back(path.get<std::string>());
  }
  // Listed twice, it is needed if one of the entries says so.
  std::erase_if(checked_.optional_artifacts, [&](const std::string& path) {
    return std::find(required.begin(), required.end(), path) != required.end();
  });
  return unique;
}

/// As {path, optional}.
Json ValueTyper::artifact(const std::string& name, const Value& value) {
  const Value* path = &value;
  Json optional = false;
  if (value.kind == ValueKind::mapping) {
    const std::size_t before = errors_.size();
    const Json members =
        map_of_ours(name, value, {{"path", &ValueTyper::text}, {"optional", &ValueTyper::boolean}});
    if (errors_.size() > before)
      return nullptr;  // a key that it cannot have is also why it lacks its path
    path = value.find("path");
    optional = members.contains("optional") && members["optional"] == true;
  }
  if (path == nullptr || path->kind != ValueKind::scalar || path->text.empty())
    return error(
        value.where,
        fmt::format("an artifact must be a path or {{path: …}}, not {}", describe_excerpt(value)));
  if (text(name, *path).is_null())
    return nullptr;
  Json normal = artifact_path(*path);
  return normal.is_null() ? Json()
                          : Json{{"path", std::move(normal)}, {"optional", std::move(optional)}};
}

/// A path that leads out of the working directory may be one of the project's folder, from which
/// artifacts are looked for as well.
std::string ValueTyper::hint_of_other_place(const std::string& text) const {
  const std::string from_root = resolve_path(origins_.working_dir, text).value_or("");
  const std::string& base = origins_.base;
  if (from_root.empty() || is_below(base, from_root))
    return "only what a job writes in its workspace can be saved, by a path from the working "
           "directory";
  const bool is_outside = !base.empty() && !is_below(from_root, base);
  return fmt::format(
      "write '{}': artifacts are looked for from the {}, too",
      printable(base.empty() || is_outside ? from_root : from_root.substr(base.size() + 1)),
      is_outside ? "root of the code" : "project's folder");
}

Json ValueTyper::artifact_path(const Value& path) {
  const std::optional<std::string> normal = normal_relative_path(path.text);
  if (!normal)
    return error(path.where,
                 fmt::format("the artifact {} {}",
                             quoted_excerpt(path.text),
                             path.text.front() == '/' ? "must be a relative path"
                                                      : "leads out of the working directory"),
                 hint_of_other_place(path.text));
  if (normal->empty() || PathPattern(*normal).matches_all())
    return error(
        path.where,
        fmt::format("the artifact {} is the working directory itself", quoted_excerpt(path.text)),
        "name the folders or files in it that are to be saved");
  if (has_open_bracket(*normal))
    return error(
        path.where,
        fmt::format("the artifact {} has a '[' that no ']' closes", quoted_excerpt(path.text)),
        "'[ab]' matches one character; a '[' of a name is written '[[]'");
  if (const std::string word = unexpanded_word(path.text); !word.empty())
    return error(path.where,
                 fmt::format("the artifact {} has {} in it, which is not replaced: no shell reads "
                             "this path",
                             quoted_excerpt(path.text),
                             quoted_excerpt(word)),
                 word == "~" ? "write a path from the working directory on; only what a job "
                               "writes there can be saved"
                             : "write ${{ name }} for a variable of the workflow");
  return *normal;
}

}  // namespace dstack::provider

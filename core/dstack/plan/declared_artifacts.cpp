#include "dstack/base/environment_variable.hpp"
#include "dstack/base/path_pattern.hpp"
#include "dstack/plan/draft.hpp"
#include "dstack/plan/options.hpp"

#include <algorithm>

namespace dstack::plan {

namespace {

using provider::Property;
using provider::PropertyType;

const Property* property_named(const std::vector<Property>& properties, std::string_view name) {
  for (const Property& property : properties)
    if (property.name == name)
      return &property;
  return nullptr;
}

const Property* property_of_artifacts(const std::vector<Property>& properties) {
  for (const Property& property : properties)
    if (property.type == PropertyType::artifacts)
      return &property;
  return nullptr;
}

/// The path of one entry: a text, or `{path: …}`.
const config::Value* path_of(const config::Value& entry) {
  const config::Value* path =
      entry.kind == config::ValueKind::mapping ? entry.find("path") : &entry;
  return path != nullptr && path->kind == config::ValueKind::scalar ? path : nullptr;
}

void add_path(const config::Value& entry,
              const std::string& base,
              const std::string& folder,
              std::vector<std::string>& paths) {
  const config::Value* path = path_of(entry);
  if (path == nullptr)
    return;
  auto normal = resolve_path(folder, path->text);
  // If the root itself were an artifact, no code would be left.
  if (normal && !normal->empty() && !PathPattern(*normal).matches_all())
    paths.push_back(std::move(*normal));
  // `sub/out` with the working directory `sub` may be meant from the root.
  const std::string working_dir = resolve_path({}, folder).value_or("");
  for (const std::string_view origin : {std::string_view(), std::string_view(base)})
    if (auto whole = resolve_path(origin, path->text);
        whole && !working_dir.empty() && *whole != working_dir && is_below(*whole, working_dir))
      paths.push_back(std::move(*whole));
}

void add_artifacts(const config::Value& properties,
                   const std::vector<Property>& declared,
                   const std::string& base,
                   std::vector<std::string>& paths) {
  const Property* property = property_of_artifacts(declared);
  const config::Member* artifacts = property ? find_member(properties, *property) : nullptr;
  if (artifacts == nullptr)
    return;
  std::string folder = base;
  if (const Property* working_dir = property_named(declared, "working_dir"))
    if (const config::Member* given = find_member(properties, *working_dir))
      folder = fmt::format("{}/{}", base.empty() ? "." : base, given->value.text);
  if (artifacts->value.kind == config::ValueKind::sequence)
    for (const config::Value& entry : artifacts->value.elements)
      add_path(entry, base, folder, paths);
  else
    add_path(artifacts->value, base, folder, paths);
}

/// The properties of artifacts that any provider has; those with the same names once.
std::vector<const Property*> properties_of_artifacts(const provider::Registry& providers) {
  std::vector<const Property*> all;
  const auto add = [&](const std::vector<Property>& declared) {
    const Property* property = property_of_artifacts(declared);
    if (property != nullptr && std::none_of(all.begin(), all.end(), [&](const Property* other) {
          return other->name == property->name && other->aliases == property->aliases;
        }))
      all.push_back(property);
  };
  add(provider::common_properties());
  for (const provider::Candidate& candidate : providers.candidates())
    if (candidate.manifest)
      add(candidate.manifest->properties);
  return all;
}

}  // namespace

std::vector<std::string> declared_artifacts(const config::Project& project,
                                            const provider::Registry& providers) {
  std::vector<std::string> paths;
  Drafts drafts;
  drafts.project = project.folder.string();
  const std::vector<const Property*> wanted = properties_of_artifacts(providers);
  for (const config::Workflow& workflow : project.workflows)
    if (std::any_of(wanted.begin(), wanted.end(), [&](const Property* property) {
          return find_member(workflow.properties, *property) != nullptr;
        }))
      drafts.add(workflow, Role::target);
  std::vector<Error> unwanted;  // whoever plans a run of these workflows reports them
  choose_providers(drafts, providers, unwanted);
  for (Draft& draft : drafts.all) {
    draft.variables = variables_of(project.variables, draft.workflow->name);
    (void)replace_references(draft.variables, {});
    if (!interpolate_properties(draft, with_all_set(environment_variable), {}, {}, unwanted))
      continue;
    add_artifacts(draft.properties(),
                  draft.provider ? draft.manifest().properties : provider::common_properties(),
                  project.base,
                  paths);
  }
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  return paths;
}

}  // namespace dstack::plan

// `secrets: [NAME]`, in an entry of a workflows file or for all of them: the secrets of the user
// that the project wants.
#include "dstack/base/text.hpp"
#include "dstack/config/project/loading.hpp"

#include <algorithm>

namespace dstack::config {

namespace {

constexpr const char* example = "write 'secrets: [HF_TOKEN]', for example";

}  // namespace

std::vector<SecretReference> read_secret_names(const Value& value,
                                               const std::string& workflow,
                                               Findings& findings) {
  std::vector<SecretReference> names;
  const auto read = [&](const Value& name) {
    if (name.kind == ValueKind::scalar && is_name(name.text))
      names.push_back({name.text, name.where});
    else
      findings.add(
          workflow,
          make_error(ErrorCode::configuration,
                     "'secrets' must be a list of names, and {} is none",
                     name.kind == ValueKind::scalar ? fmt::format("'{}'", printable(name.text))
                                                    : describe(name))
              .at(name.where)
              .with_hint("{}", example));
  };
  if (value.kind == ValueKind::scalar || value.kind == ValueKind::mapping)
    read(value);
  for (const Value& element : value.elements)
    read(element);
  return names;
}

void take_secret_names(ParsedYaml& file, Project& project) {
  auto& members = file.root.members;
  const auto member = std::find_if(
      members.begin(), members.end(), [](const Member& each) { return each.key == "secrets"; });
  if (member == members.end())
    return;
  Findings findings(project.findings);
  for (SecretReference& name : read_secret_names(member->value, "", findings))
    project.secrets.push_back(std::move(name));
  members.erase(member);
}

}  // namespace dstack::config

// The files of a project, from their text to properties that a provider may have. An input is
// several files, each behind a line with its name: `=== .dstack/workflows.yaml`.
#include "dstack/base/text.hpp"
#include "dstack/config/project/loading.hpp"
#include "dstack/provider/manifest/properties.hpp"
#include "fuzz.hpp"
#include "ui/diagnostics.hpp"

using namespace dstack;
using namespace dstack::fuzz;

namespace {

/// A property of each type, and the common ones.
const provider::Manifest& manifest() {
  static const provider::Manifest made = [] {
    std::string properties;
    for (const char* type : {"text",
                             "path",
                             "target",
                             "folder",
                             "integer",
                             "boolean",
                             "size",
                             "duration",
                             "texts",
                             "paths",
                             "arguments",
                             "map"})
      properties += std::string(properties.empty() ? "" : ",") + R"({"name":"a_)" + type +
                    R"(","type":")" + type + R"(","help":"h"})";
    return *provider::parse_manifest(
        std::string(R"({"abi":"0.0","name":"bash","version":"1","help":"h","common":true,)") +
        R"("properties":[{"name":"commands","type":"texts","required":true,"help":"h"},)" +
        properties + "]}");
  }();
  return made;
}

void show(Error error) {
  const std::string shown = ui::render_diagnostics(error, ui::Coloured::no);
  require(!find_invalid_utf8(shown), "what is shown is UTF-8");
  for (const std::string_view line : split(shown, '\n'))
    require(printable(line) == line, "what is shown drives no terminal");
}

std::optional<config::ParsedYaml> read(const Part& part) {
  auto read = config::read_yaml(make_source_text(part.name, part.text));
  if (!read) {
    show(read.error());
    return std::nullopt;
  }
  return std::move(*read);
}

/// What a run would ask of this workflow's provider.
void plan(const config::Project& project, const config::Workflow& workflow) {
  config::Scope scope = config::file_scope(project, workflow.name);
  scope.run_name = "quiet-otter-1";
  scope.run_arguments = {"--epochs", "3"};
  const auto interpolated = config::interpolate(workflow.properties, scope);
  if (!interpolated)
    return show(interpolated.error());
  const provider::CallerEnvironment nobody = [](const std::string&) { return std::nullopt; };
  const auto checked = provider::check_properties(
      manifest(), interpolated->value, workflow.where, workflow.name, nobody);
  if (!checked)
    return show(checked.error());
  require(checked->values.contains("commands"), "what is required is there");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  config::Project project;
  project.root = "/project";
  std::vector<config::VariableScope> scopes;
  const std::vector<Part> parts = parts_of(text_of(data, size));
  for (const Part& part : parts)
    if (part.name.starts_with(".dstack/variables"))
      if (auto yaml = read(part))
        for (auto& scope : config::add_variables(std::move(*yaml), project))
          scopes.push_back(std::move(scope));
  for (const Part& part : parts)
    if (part.name.starts_with(".dstack/workflows"))
      if (auto yaml = read(part))
        config::add_workflows(std::move(*yaml), project);
  config::check_names(project);
  config::check_variables(project);
  config::check_references(project);
  config::check_scopes(scopes, project);
  for (const config::Finding& finding : project.findings)
    show(finding.error);
  for (const config::Workflow& workflow : project.workflows) {
    require(is_name(workflow.name), "the name of a workflow is one");
    plan(project, workflow);
  }
  return 0;
}

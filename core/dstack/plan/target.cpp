#include "dstack/plan/target.hpp"

#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/plan/script.hpp"

namespace dstack::plan {

namespace {

Error unknown_target(const std::string& name,
                     const config::Project& project,
                     const provider::Registry& providers) {
  std::vector<std::string> candidates = project.workflow_names();
  for (std::string& provider : providers.names())
    candidates.push_back(std::move(provider));
  std::string hint = did_you_mean(name, candidates);
  if (!hint.empty())
    hint += "\n";
  hint += project.defined
              ? "workflows are defined in .dstack/workflows.yaml ('dstack workflows' lists them)"
              : "there is no .dstack/workflows.yaml here or in a folder above, so no workflow is "
                "defined";
  hint += "; 'dstack providers list' shows the providers";
  if (name.find_first_of("./") != std::string::npos)
    hint += fmt::format(
        "\na file that can be run by its path ends in {}; other programs run as "
        "'dstack run bash -c COMMAND'",
        describe_script_endings());
  for (const std::string& trouble : providers.unreadable())
    hint += "\n" + trouble;
  return make_error(ErrorCode::not_found, "no workflow or provider is called '{}'", printable(name))
      .with_hint("{}", hint);
}

}  // namespace

Result<Target> find_target(const std::string& name,
                           const WorkflowIndex& workflows,
                           const provider::Registry& providers,
                           const std::optional<SourceLocation>& where) {
  if (const auto workflow = workflows.find(name))
    return Target{workflow};
  if (providers.find(name) != nullptr)
    return Target{std::nullopt};
  if (const std::string_view provider = provider_of_script(name); !provider.empty())
    return Target{std::nullopt, provider};
  Error error = unknown_target(name, workflows.project(), providers);
  error.where = where;
  return fail(std::move(error));
}

config::Workflow provider_workflow(const std::string& name, const SourceLocation& where) {
  config::Workflow workflow;
  workflow.name = name;
  workflow.provider = name;
  workflow.where = where;
  workflow.name_where = where;
  workflow.provider_where = where;
  workflow.properties = config::make_mapping(where);
  return workflow;
}

}  // namespace dstack::plan

// The layers of one job's environment (spec, section 5).
#include "dstack/base/text.hpp"
#include "dstack/config/environment_names.hpp"
#include "dstack/plan/draft.hpp"
#include "dstack/plan/environment.hpp"

namespace dstack::plan {

namespace {

void add_environment_property(const Draft& draft, EnvironmentLayers& layers) {
  const Json* environment = json_member(draft.checked.values, "environment");
  if (environment == nullptr || !environment->is_object())
    return;
  for (const auto& [name, value] : environment->items()) {
    const auto where = draft.checked.environment_where.find(name);
    layers.add(name,
               value.is_string() ? value.get<std::string>() : render_json(value),
               origin_of(where == draft.checked.environment_where.end() ? draft.workflow->where
                                                                        : where->second));
  }
}

Error provider_sets_reserved(const Draft& draft, const std::string& name) {
  Error error;
  error.code = ErrorCode::configuration;
  error.where = draft.workflow->provider_where;
  error.message =
      "provider '" + draft.provider->name + "' sets '" + name + "', which dstack itself sets";
  error.hint = "this is a fault of the provider, " + draft.provider->path.string();
  return error;
}

}  // namespace

std::vector<EnvironmentVariable> job_environment(
    const Draft& draft,
    const provider::JobSpec& job,
    const std::vector<EnvironmentVariable>& command_line) {
  EnvironmentLayers layers;
  for (const auto& [name, value] : job.environment)
    layers.add(name, value, "provider");
  add_environment_property(draft, layers);
  for (const ResolvedVariable& variable : draft.variables)
    layers.add(environment_name(variable.name()), variable.value(), variable.origin());
  // The layer of the secrets is here, above the variables and below the command line.
  if (draft.role == Role::target)
    layers.add(command_line);
  return std::move(layers).merge();
}

void check_environment(const Draft& draft, std::vector<Error>& errors) {
  for (const provider::JobSpec& job : draft.jobs)
    for (const auto& [name, value] : job.environment)
      if (config::is_reserved_environment_name(name)) {
        errors.push_back(provider_sets_reserved(draft, name));
        return;
      }
}

}  // namespace dstack::plan

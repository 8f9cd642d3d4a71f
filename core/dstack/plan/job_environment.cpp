// The layers of one job's environment (spec, section 5).
#include "dstack/base/shell_variable.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/project/secret_reference.hpp"
#include "dstack/job/environment_names.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/plan/draft.hpp"
#include "dstack/plan/environment.hpp"

#include <algorithm>

namespace dstack::plan {

namespace {

using Kind = VariableOrigin::Kind;

void add_environment_property(const Draft& draft, EnvironmentLayers& layers) {
  const Json* environment = json_member(draft.checked.values, "environment");
  if (environment == nullptr || !environment->is_object())
    return;
  for (const auto& [name, value] : environment->items()) {
    const auto where = draft.checked.environment_where.find(name);
    std::string text = value.is_string() ? value.get<std::string>() : render_json(value);
    VariableOrigin origin = refers_to_secret(draft, text)
                                ? VariableOrigin{Kind::secret}
                                : VariableOrigin::at(where == draft.checked.environment_where.end()
                                                         ? draft.workflow->where
                                                         : where->second);
    layers.add(name, std::move(text), std::move(origin));
  }
}

/// Whether a reference such as `$HOME` was meant as one: the job has a variable of that name.
bool is_known(const Draft& draft, const Json& environment, const std::string& reference) {
  if (reference.empty())
    return false;
  const std::string name(name_of_shell_variable(reference));
  return job::is_base_environment_name(name) || job::is_reserved_environment_name(name) ||
         json_member(environment, name) != nullptr ||
         std::any_of(draft.variables.begin(), draft.variables.end(), [&](const auto& variable) {
           return environment_name(variable.name()) == name;
         });
}

/// With a literal `$PATH` among its folders a job finds no program at all.
Error unexpanded_path(const Draft& draft, const std::string& reference, const std::string& text) {
  Error error =
      make_error(ErrorCode::configuration,
                 "'{}' in 'PATH' of the environment of workflow '{}' is not expanded: jobs "
                 "would find no programs",
                 reference,
                 draft.workflow->name)
          .with_hint("write 'export PATH=\"{}\"' in 'setup', which the job's shell expands", text);
  if (const auto where = draft.checked.environment_where.find("PATH");
      where != draft.checked.environment_where.end())
    error.where = where->second;
  return error;
}

Error provider_sets_reserved(const Draft& draft, const std::string& name) {
  return make_error(ErrorCode::configuration,
                    "provider '{}' sets '{}', which dstack itself sets",
                    draft.provider->name,
                    name)
      .at(draft.workflow->provider_where)
      .with_hint("this is a bug in the provider, {}", draft.provider->path.string());
}

}  // namespace

std::vector<EnvironmentVariable> job_environment(
    const Draft& draft,
    const job::JobSpec& job,
    const std::vector<std::string>& secrets,
    const std::vector<EnvironmentVariable>& command_line) {
  EnvironmentLayers layers;
  for (const auto& [name, value] : job.environment)
    layers.add(name, value, {refers_to_secret(draft, value) ? Kind::secret : Kind::provider});
  for (const EnvFileVariable& variable : draft.env_file_variables)
    layers.add(variable.name, value_of_env_file, {Kind::env_file, variable.place});
  add_environment_property(draft, layers);
  for (const ResolvedVariable& variable : draft.variables)
    layers.add(environment_name(variable.name()), variable.value(), variable.origin());
  for (const std::string& secret : secrets)
    layers.add(environment_name(secret), config::secret_reference(secret), {Kind::secret});
  if (draft.role == Role::target)
    layers.add(command_line);
  return std::move(layers).merge();
}

void note_hidden_environment(const Draft& draft,
                             const std::vector<std::string>& secrets,
                             std::vector<std::string>& notices) {
  const Json* environment = json_member(draft.checked.values, "environment");
  if (environment == nullptr || !environment->is_object() || environment->empty())
    return;
  for (const std::string& secret : secrets) {
    const std::string name = environment_name(secret);
    const Json* entry = json_member(*environment, name);
    if (entry != nullptr && *entry != config::secret_reference(secret))
      notices.push_back(
          fmt::format("'{}' in the environment of workflow '{}' has no effect: jobs have the "
                      "secret '{}' by that name",
                      name,
                      draft.workflow->name,
                      secret));
  }
}

void note_unexpanded_environment(const Draft& draft,
                                 std::vector<Error>& errors,
                                 std::vector<std::string>& notices) {
  const Json* environment = json_member(draft.checked.values, "environment");
  if (environment == nullptr || !environment->is_object())
    return;
  for (const auto& [name, value] : environment->items()) {
    if (!value.is_string())
      continue;
    const auto& text = value.get_ref<const std::string&>();
    if (const std::string own = find_shell_variable(text, name); !own.empty() && name == "PATH")
      errors.push_back(unexpanded_path(draft, own, text));
    else if (const std::string found = find_shell_variable(text);
             is_known(draft, *environment, found))
      notices.push_back(fmt::format(
          "'{}' in '{}' of the environment of workflow '{}' is not expanded: jobs get the text as "
          "it is; 'export {}=…' in 'setup' expands it",
          found,
          name,
          draft.workflow->name,
          name));
  }
}

void check_environment(const Draft& draft, std::vector<Error>& errors) {
  for (const job::JobSpec& job : draft.jobs)
    for (const auto& [name, value] : job.environment)
      if (job::is_reserved_environment_name(name)) {
        errors.push_back(provider_sets_reserved(draft, name));
        return;
      }
}

}  // namespace dstack::plan

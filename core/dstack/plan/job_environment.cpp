// The layers of one job's environment (spec, section 5).
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

Error provider_sets_reserved(const Draft& draft, const std::string& name) {
  return make_error(ErrorCode::configuration,
                    "provider '{}' sets '{}', which dstack itself sets",
                    draft.provider->name,
                    name)
      .at(draft.workflow->provider_where)
      .with_hint("this is a bug in the provider, {}", draft.provider->path.string());
}

/// What a shell would expand in a path or a list of paths: `~`, or `$NAME` as a whole element of
/// one, where the job has that variable. Nothing in a text with blanks, which may be a script.
std::optional<std::string> unexpanded_part(const Draft& draft, std::string_view value) {
  if (value.find_first_of(" \t\n") != std::string_view::npos)
    return std::nullopt;
  for (std::string_view part : split(value, ':')) {
    if (part == "~" || part.starts_with("~/"))
      return "~";
    part = part.substr(0, part.find('/'));
    if (!part.starts_with('$'))
      continue;
    std::string_view name = part.substr(1);
    if (name.starts_with('{') && name.ends_with('}'))
      name = name.substr(1, name.size() - 2);
    const auto is_it = [&](const ResolvedVariable& variable) {
      return environment_name(variable.name()) == name;
    };
    if (job::is_base_environment_name(name) || job::is_reserved_environment_name(name) ||
        draft.checked.environment_where.contains(name) ||
        std::any_of(draft.variables.begin(), draft.variables.end(), is_it))
      return std::string(part);
  }
  return std::nullopt;
}

}  // namespace

void note_unexpanded_environment(const Draft& draft, std::vector<std::string>& notices) {
  const Json* environment = json_member(draft.checked.values, "environment");
  if (environment == nullptr || !environment->is_object())
    return;
  for (const auto& [name, value] : environment->items()) {
    const std::string text = value.is_string() ? value.get<std::string>() : std::string();
    const auto part = unexpanded_part(draft, text);
    if (!part || refers_to_secret(draft, text))
      continue;
    const auto where = draft.checked.environment_where.find(name);
    notices.push_back(fmt::format(
        "{}: {} of workflow '{}' will be '{}', as written: '{}' is not expanded in 'environment'; "
        "write 'export {}={}' in 'setup' instead",
        where == draft.checked.environment_where.end() ? draft.workflow->where.render()
                                                       : where->second.render(),
        name,
        draft.workflow->name,
        printable(text),
        *part,
        name,
        printable(text)));
  }
}

void note_valueless_environment(const Draft& draft, std::vector<std::string>& notices) {
  for (const std::string& name : draft.checked.without_value) {
    const auto where = draft.checked.environment_where.find(name);
    if (where != draft.checked.environment_where.end())
      notices.push_back(fmt::format(
          "{}: {} of workflow '{}' has no value, and is empty: write '{}: \"\"' if that is meant; "
          "'-e {}' on the command line hands on your own, and so does 'environment: [{}]'",
          where->second.render(),
          name,
          draft.workflow->name,
          name,
          name,
          name));
  }
}

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

void check_environment(const Draft& draft, std::vector<Error>& errors) {
  for (const job::JobSpec& job : draft.jobs)
    for (const auto& [name, value] : job.environment)
      if (job::is_reserved_environment_name(name)) {
        errors.push_back(provider_sets_reserved(draft, name));
        return;
      }
}

}  // namespace dstack::plan

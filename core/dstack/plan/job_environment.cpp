// The layers of one job's environment (spec, section 5).
#include "dstack/base/shell_variable.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/project/secret_reference.hpp"
#include "dstack/job/environment_names.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/plan/draft.hpp"
#include "dstack/plan/environment.hpp"

#include <algorithm>
#include <array>

namespace dstack::plan {

namespace {

using Kind = VariableOrigin::Kind;

/// Libraries that would start a thread for each processor of the machine read how many they may
/// start from these.
constexpr std::array names_of_thread_counts = {
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"};

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

bool has_container(const Draft& draft) {
  return std::any_of(draft.jobs.begin(), draft.jobs.end(), [](const job::JobSpec& job) {
    return job.container.has_value();
  });
}

Error provider_sets_reserved(const Draft& draft, const std::string& name) {
  return make_error(ErrorCode::configuration,
                    "provider '{}' sets '{}', which dstack itself sets",
                    draft.provider->name,
                    name)
      .at(draft.workflow->provider_where)
      .with_hint("this is a bug in the provider, {}", draft.provider->path.string());
}

/// What only a shell would expand in a path or a list of paths, `~` and `$NAME`, where the job or
/// the caller has that variable; and the same text as it has to be written. Nothing in a text with
/// blanks, which may be a script.
class Unexpanded {
 public:
  Unexpanded(const Draft& draft, const PlanningContext& context, const std::string& text)
      : draft_(draft), context_(context) {
    if (text.find_first_of(" \t\n") != std::string::npos)
      return;
    const auto take = [this](std::string_view name, char before) {
      const bool begins = std::string_view("\0/=,", 4).find(before) != std::string_view::npos;
      return begins ? reference_to(name) : std::nullopt;  // else it may be a part of a password
    };
    std::vector<std::string> parts;
    for (const std::string_view part : split(text, ':'))
      parts.push_back(replace_shell_variables(without_tilde(part), take));
    written_ = join(parts, ":");
  }

  /// The first of them; empty: there is none.
  const std::string& first() const { return first_; }

  /// What to write; empty where only a shell can know the value.
  std::string written() const { return is_for_shell_ ? std::string() : written_; }

 private:
  std::string without_tilde(std::string_view part) {
    if (part != "~" && !part.starts_with("~/"))
      return std::string(part);
    note("~");
    return fmt::format("$HOME{}", part.substr(1));
  }

  std::optional<std::string> reference_to(std::string_view name) {
    for (const ResolvedVariable& variable : draft_.variables)
      if (environment_name(variable.name()) == name)
        return found(name, fmt::format("${{{{ {} }}}}", variable.name()));
    if (name == "RUN_NAME")
      return found(name, "${{ run.name }}");
    if (job::is_reserved_environment_name(name) ||
        (job::is_base_environment_name(name) && has_container(draft_))) {
      is_for_shell_ = true;
      return found(name, {});
    }
    if (!job::is_base_environment_name(name) && !context_.environment(std::string(name))) {
      if (!draft_.checked.environment_where.contains(name))
        return std::nullopt;
      is_for_shell_ = true;
    }
    return found(name, fmt::format("${{{{ env.{} }}}}", name));
  }

  std::string found(std::string_view name, std::string reference) {
    note(fmt::format("${}", name));
    return reference;
  }

  void note(std::string part) {
    if (first_.empty())
      first_ = std::move(part);
  }

  const Draft& draft_;
  const PlanningContext& context_;
  std::string first_;
  std::string written_;
  bool is_for_shell_ = false;
};

}  // namespace

void note_unexpanded_environment(const Draft& draft,
                                 const PlanningContext& context,
                                 std::vector<std::string>& notices) {
  const Json* environment = json_member(draft.checked.values, "environment");
  if (environment == nullptr || !environment->is_object())
    return;
  for (const auto& [name, value] : environment->items()) {
    const std::string text = value.is_string() ? value.get<std::string>() : std::string();
    const Unexpanded unexpanded(draft, context, text);
    if (unexpanded.first().empty() || refers_to_secret(draft, text))
      continue;
    const auto where = draft.checked.environment_where.find(name);
    const std::string remedy =
        unexpanded.written().empty()
            ? fmt::format("'export {}={}' in '{}'",
                          name,
                          printable(text),
                          has_container(draft) ? "commands" : "setup")
            : fmt::format("'{}: \"{}\"'", name, printable(unexpanded.written()));
    notices.push_back(fmt::format(
        "{}: {} of workflow '{}' will be '{}', as written: '{}' is not expanded in 'environment'; "
        "write {} instead",
        where == draft.checked.environment_where.end() ? draft.workflow->where.render()
                                                       : where->second.render(),
        name,
        draft.workflow->name,
        printable(text),
        unexpanded.first(),
        remedy));
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

void note_unset_environment(const Draft& draft,
                            const std::vector<EnvironmentVariable>& environment,
                            std::vector<std::string>& notices) {
  for (const auto& [name, where] : draft.checked.unset) {
    if (std::any_of(environment.begin(), environment.end(), [&](const auto& variable) {
          return variable.name == name;
        }))
      continue;
    notices.push_back(
        fmt::format("{}: {} is not set where the run is started, so the jobs of workflow '{}' do "
                    "not have it: set it there, or write '{}=VALUE'",
                    where.render(),
                    name,
                    draft.workflow->name,
                    name));
  }
}

std::vector<EnvironmentVariable> job_environment(
    const Draft& draft,
    const job::JobSpec& job,
    const std::vector<std::string>& secrets,
    const std::vector<EnvironmentVariable>& command_line) {
  EnvironmentLayers layers;
  if (job.resources.cpu > 0)
    for (const char* name : names_of_thread_counts)
      layers.add(name, std::to_string(job.resources.cpu), {Kind::dstack});
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
  if (!has_container(draft))
    return;
  for (const config::EnvironmentReference& reference : draft.environment_references)
    if (job::is_base_environment_name(reference.name) &&
        !to_upper(reference.name).ends_with("_PROXY"))
      errors.push_back(make_error(ErrorCode::configuration,
                                  "'{}' is not the container's here, but that of this machine",
                                  reference.name)
                           .at(reference.where)
                           .with_hint("'export {}=…${}' in 'commands' uses the container's",
                                      reference.name,
                                      reference.name));
}

}  // namespace dstack::plan

// `dstack run TARGET --help`.
#include "dstack/base/text.hpp"
#include "dstack/plan/graph.hpp"
#include "dstack/plan/make.hpp"
#include "dstack/plan/options.hpp"
#include "dstack/plan/target.hpp"
#include "dstack/plan/variables.hpp"

#include <algorithm>

namespace dstack::plan {

namespace {

/// A default as a user could type it.
std::string render_default(const provider::Property& property) {
  const Json& value = property.default_value;
  if (value.is_null())
    return {};
  if (property.type == provider::PropertyType::duration)
    return std::to_string(value.get<std::int64_t>() / 1000) + "s";
  if (value.is_string())
    return value.get<std::string>();
  return render_json(value);
}

std::vector<OptionHelp> describe_options(const std::vector<Option>& options) {
  std::vector<OptionHelp> all;
  for (const Option& option : options) {
    OptionHelp& help = all.emplace_back(
        OptionHelp{render_syntax(option),
                   option.help(),
                   option.resource ? std::string() : render_default(*option.property)});
    if (!option.flag->short_name.empty())
      help.names.push_back(option.flag->short_name);
    help.names.push_back(option.flag->name);
    if (option.resource == nullptr) {
      help.type = option.property->type;
      help.choices = option.property->choices;
    }
  }
  return all;
}

/// The positional arguments of `run PROVIDER`.
std::vector<OptionHelp> describe_positionals(const provider::Manifest& manifest) {
  std::vector<OptionHelp> all;
  for (const provider::Property& property : manifest.properties)
    if (property.positional)
      all.push_back({to_upper(property.name) +
                         (property.type == provider::PropertyType::arguments ? "..." : ""),
                     property.help,
                     render_default(property),
                     {},
                     property.type,
                     property.choices});
  return all;
}

/// A variable with the name of an option is set only with its workflow's name before it.
std::vector<OptionHelp> describe_variables(const std::vector<ResolvedVariable>& variables,
                                           const std::vector<Option>& options,
                                           const std::vector<std::string>& own_options,
                                           const std::string& workflow) {
  std::vector<OptionHelp> all;
  for (const ResolvedVariable& variable : variables) {
    const std::string option = "--" + variable.name();
    const bool hidden =
        find_option(options, option) != nullptr ||
        std::find(own_options.begin(), own_options.end(), option) != own_options.end();
    if (hidden && workflow.empty())
      continue;
    const std::string name = "--" + (hidden ? workflow + "." : std::string()) + variable.name();
    all.push_back({fmt::format("{} VALUE", name),
                   fmt::format("environment variable {}", environment_name(variable.name())),
                   variable.value(),
                   {name}});
  }
  return all;
}

/// The workflow of the run that has the variable, the target first; nothing when none has it. A
/// provider's own run has a name that is empty, and the variables of `global`.
std::optional<std::string> owner_of(const std::string& variable,
                                    const Target& target,
                                    const WorkflowIndex& index) {
  std::vector<std::string> names = {std::string()};
  if (target.workflow) {
    names.clear();
    for (const std::size_t workflow : run_order(index, *target.workflow))
      names.push_back(index.project().workflows[workflow].name);
  }
  for (auto name = names.rbegin(); name != names.rend(); ++name)
    if (find_variable(variables_of(index.project().variables, *name), variable) != nullptr)
      return *name;
  return std::nullopt;
}

/// Of any workflow, or of all.
bool is_variable(const config::Project& project, std::string_view name) {
  return std::any_of(project.variables.begin(), project.variables.end(), [&](const auto& scope) {
    return std::any_of(scope.second.begin(), scope.second.end(), [&](const auto& variable) {
      return variable.name == name;
    });
  });
}

std::vector<std::string> ambiguous_names(const Target& target,
                                         const WorkflowIndex& index,
                                         const std::vector<std::string>& own_options) {
  std::vector<std::string> names;
  for (const std::string& option : own_options)
    if (option.starts_with("--") && option != "--help" && owner_of(option.substr(2), target, index))
      names.push_back(option);
  return names;
}

/// One command that works as shown.
std::string example_of(const std::string& workflow, const std::vector<OptionHelp>& variables) {
  std::string example = fmt::format("dstack run {}", workflow);
  if (!variables.empty()) {
    const OptionHelp& last = variables.back();
    const bool like_an_option = last.default_value.starts_with('-');
    example += fmt::format(
        " {}{}{}", last.names.front(), like_an_option ? "=" : " ", shell_quote(last.default_value));
  }
  return example;
}

}  // namespace

Result<TargetHelp> describe_target(const std::string& target,
                                   const config::Project& project,
                                   const provider::Registry& providers,
                                   const std::vector<std::string>& own_options) {
  const WorkflowIndex index(project);
  DSTACK_TRY(const Target found, find_target(target, index, providers, std::nullopt));
  const config::Workflow* workflow = found.workflow ? &project.workflows[*found.workflow] : nullptr;
  TargetHelp help;
  help.target = target;
  const bool is_script = !found.script_provider.empty();
  help.provider = workflow    ? workflow->provider
                  : is_script ? std::string(found.script_provider)
                              : target;
  std::vector<Option> options;
  const provider::Candidate* candidate = providers.find(help.provider);
  if (candidate != nullptr && candidate->manifest) {
    options = options_of(*candidate->manifest);
    help.help = candidate->manifest->help;
    if (workflow == nullptr)
      help.options = describe_positionals(*candidate->manifest);
    if (workflow == nullptr && !is_script)
      help.examples = candidate->manifest->examples;
  }
  if (workflow != nullptr)
    help.help = workflow->help;
  if (is_script) {
    // The script itself is given already.
    std::erase_if(help.options,
                  [](const OptionHelp& each) { return each.type == provider::PropertyType::path; });
    help.examples = {fmt::format("dstack run {}", shell_quote(target))};
  }
  for (OptionHelp& option : describe_options(options))
    help.options.push_back(std::move(option));
  const std::string scope = workflow ? target : std::string();
  std::vector<ResolvedVariable> variables = variables_of(project.variables, scope);
  (void)replace_references(variables, {});
  help.variables = describe_variables(variables, options, own_options, scope);
  help.ambiguous = ambiguous_names(found, index, own_options);
  if (workflow != nullptr)
    help.examples = {example_of(target, help.variables)};
  return help;
}

Result<void> refuse_ambiguous(const std::string& target,
                              const std::vector<OwnOption>& options,
                              const config::Project& project) {
  // Mostly none is a variable of anything, and of which workflows the run would be need not be
  // known.
  if (std::none_of(options.begin(), options.end(), [&](const OwnOption& option) {
        return is_variable(project, option.name.substr(2));
      }))
    return {};
  const WorkflowIndex index(project);
  const Target found{index.find(target)};
  for (const OwnOption& option : options) {
    const std::string variable = option.name.substr(2);
    const auto owner = owner_of(variable, found, index);
    if (!owner)
      continue;
    const std::string value = option.value.empty() ? "VALUE" : shell_quote(option.value);
    const std::string as_variable = owner->empty()
                                        ? fmt::format("-e {}={}", environment_name(variable), value)
                                        : fmt::format("--{}.{} {}", *owner, variable, value);
    return fail(ErrorCode::usage,
                "'{}' is ambiguous: an option of 'dstack run', and a variable of {}",
                option.name,
                owner->empty() ? std::string("'global'") : fmt::format("workflow '{}'", *owner))
        .with_hint(
            "the variable: dstack run {} {}\nthe option, before the name: dstack run {}{} {}",
            target,
            as_variable,
            option.name,
            option.takes_value ? fmt::format(" {}", value) : std::string(),
            target);
  }
  return {};
}

}  // namespace dstack::plan

#include "dstack/plan/draft.hpp"

#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/yaml/reference_syntax.hpp"

#include <algorithm>
#include <unordered_set>

namespace dstack::plan {

namespace {

/// Most files contain no reference, and copying ten thousand trees to find that out would be slow.
bool holds_reference(const config::Value& value) {
  if (value.kind == config::ValueKind::scalar)
    return config::holds_reference(value.text);
  return std::any_of(value.elements.begin(), value.elements.end(), holds_reference) ||
         std::any_of(value.members.begin(), value.members.end(), [](const config::Member& member) {
           return holds_reference(member.value);
         });
}

Error provider_error(const config::Workflow& workflow,
                     const provider::Candidate* candidate,
                     const provider::Registry& providers) {
  if (candidate != nullptr)
    return make_error(ErrorCode::configuration,
                      "provider '{}' cannot be used: {}",
                      workflow.provider,
                      candidate->reason)
        .at(workflow.provider_where)
        .with_hint("'dstack providers list' shows every provider and why one was refused");
  std::string hint = did_you_mean(workflow.provider, providers.names());
  if (hint.empty())
    hint = providers.names().empty() ? "there are no providers"
                                     : fmt::format("there are {}", quoted_list(providers.names()));
  for (const std::string& trouble : providers.unreadable())
    hint += "\n" + trouble;
  return make_error(
             ErrorCode::configuration, "no provider is called '{}'", printable(workflow.provider))
      .at(workflow.provider_where)
      .with_hint("{}", hint);
}

bool can_be_used(const provider::Candidate* candidate) {
  return candidate != nullptr && candidate->status != provider::CandidateStatus::refused &&
         candidate->manifest.has_value();
}

/// What is wrong there is most likely what a reference was to be replaced by, which is reported.
bool is_about_incomplete(const Draft& draft, const Error& error) {
  return error.where &&
         std::any_of(
             draft.incomplete.begin(), draft.incomplete.end(), [&](const SourceLocation& place) {
               return place.source == error.where->source && place.line == error.where->line &&
                      place.column == error.where->column && place.length == error.where->length;
             });
}

/// Its values are never shown, or are variables of the job.
bool may_refer_to_secrets(const provider::Property& property) {
  return property.secret ||
         (property.common && property.type == provider::PropertyType::environment);
}

}  // namespace

void Drafts::add(const config::Workflow& workflow, Role role) {
  Draft draft;
  draft.workflow = &workflow;
  draft.role = role;
  add(std::move(draft));
}

void Drafts::add(Draft draft) {
  of_workflow[draft.workflow->name].push_back(all.size());
  draft.project = project;
  all.push_back(std::move(draft));
}

void drop_repeated(const Drafts& drafts,
                   std::vector<Error>& errors,
                   std::vector<std::string>& notices) {
  if (drafts.all.size() == drafts.of_workflow.size())
    return;
  std::unordered_set<std::string> seen;
  std::erase_if(errors, [&](const Error& error) { return !seen.insert(render(error)).second; });
  seen.clear();
  std::erase_if(notices, [&](const std::string& notice) { return !seen.insert(notice).second; });
}

void choose_providers(Drafts& drafts,
                      const provider::Registry& providers,
                      std::vector<Error>& errors) {
  std::unordered_map<std::string_view, const provider::Candidate*> known;
  for (Draft& draft : drafts.all) {
    const std::string& name = draft.workflow->provider;
    if (name.empty())
      continue;  // a finding of the file
    const auto [entry, added] = known.emplace(name, nullptr);
    if (added)
      entry->second = providers.find(name);
    if (can_be_used(entry->second))
      draft.provider = entry->second;
    else
      errors.push_back(provider_error(*draft.workflow, entry->second, providers));
  }
}

bool interpolate_properties(Draft& draft,
                            const provider::CallerEnvironment& caller,
                            const std::string& run_name,
                            const std::vector<std::string>& run_arguments,
                            std::vector<Error>& errors) {
  if (!holds_reference(draft.properties()))
    return true;
  config::Scope scope = scope_of(draft.variables, run_name, run_arguments);
  scope.run_project = draft.project;
  scope.environment = caller;
  scope.holds_arguments = [&](std::string_view key) {
    const auto* property = draft.provider ? draft.manifest().find(key) : nullptr;
    return property != nullptr && property->type == provider::PropertyType::arguments;
  };
  // Without a provider, which is an error of its own, nothing is known of its properties.
  scope.holds_secrets = [&](std::string_view key) {
    const auto* property = draft.provider ? draft.manifest().find(key) : nullptr;
    return draft.provider == nullptr || (property != nullptr && may_refer_to_secrets(*property));
  };
  if (draft.provider != nullptr)
    for (const provider::Property& property : draft.manifest().properties)
      if (may_refer_to_secrets(property))
        scope.secret_members.push_back(property.name);
  auto partly = config::interpolate_partly(draft.properties(), scope);
  config::Interpolated& result = partly.result;
  draft.changed_properties = std::move(result.value);
  draft.uses_run_arguments = result.used_run_arguments;
  draft.secrets = std::move(result.secrets);
  draft.whole_arguments = std::move(result.whole_arguments);
  draft.environment_references = std::move(result.environment);
  draft.incomplete = std::move(partly.incomplete);
  if (partly.errors.empty())
    return true;
  errors.push_back(join(std::move(partly.errors)));
  return false;
}

provider::CallerEnvironment with_all_set(const provider::CallerEnvironment& caller) {
  return [caller](const std::string& name) {
    auto value = caller ? caller(name) : std::nullopt;
    return value ? std::move(value) : std::optional(std::string());
  };
}

void check_properties(Draft& draft, const PlanningContext& context, std::vector<Error>& errors) {
  auto checked = provider::check_properties(draft.manifest(),
                                            draft.properties(),
                                            draft.workflow->where,
                                            draft.workflow->name,
                                            context.environment,
                                            context.project.base);
  if (!checked) {
    for (Error& error : flatten(std::move(checked).error()))
      if (!is_about_incomplete(draft, error))
        errors.push_back(std::move(error));
    return;
  }
  if (!draft.incomplete.empty())
    return;
  draft.checked = std::move(*checked);
  draft.ready = true;
}

SourceLocation place_of(const Draft& draft, const std::string& property) {
  std::string_view name = property;
  for (;;) {
    const auto found = draft.checked.where.find(name);
    if (found != draft.checked.where.end())
      return found->second;
    const std::size_t dot = name.rfind('.');
    if (dot == std::string_view::npos)
      return draft.workflow->where;
    name = name.substr(0, dot);
  }
}

}  // namespace dstack::plan

#include "dstack/config/project/variable_values.hpp"

#include "dstack/base/text.hpp"
#include "dstack/config/project/loading.hpp"
#include "dstack/config/yaml/file_source.hpp"
#include "dstack/config/yaml/reference_syntax.hpp"

#include <algorithm>
#include <memory>
#include <tuple>
#include <unordered_set>
#include <utility>

namespace dstack::config {

namespace {

/// Variables that one value may lead through. Each is a level of the stack.
constexpr std::size_t most_levels = 64;
/// Of a ring, beside the first.
constexpr std::size_t most_places = 8;
constexpr std::string_view global_scope = "global";

bool is_before(const SourceLocation& a, const SourceLocation& b) {
  return std::tie(a.line, a.column) < std::tie(b.line, b.column);
}

const std::vector<Variable>& scope_named(const Project& project, std::string_view name) {
  static const std::vector<Variable> none;
  const auto found = project.variables.find(name);
  return found == project.variables.end() ? none : found->second;
}

bool any_refers(const std::vector<Variable>& variables) {
  return std::any_of(variables.begin(), variables.end(), [](const Variable& variable) {
    return holds_reference(variable.value);
  });
}

/// What a workflow sees, or with "global" what all see.
VariableValues::Source source_of(const Project& project, const std::string& scope) {
  VariableValues::Source source;
  std::unordered_map<std::string_view, const Variable*> by_name;
  for (const std::string_view name : {std::string_view(scope), global_scope})
    for (const Variable& variable : scope_named(project, name))
      if (by_name.emplace(variable.name, &variable).second)
        source.names.push_back(variable.name);
  source.find = [by_name = std::move(by_name)](std::string_view name) -> const Variable* {
    const auto found = by_name.find(name);
    return found == by_name.end() ? nullptr : found->second;
  };
  return source;
}

}  // namespace

VariableValues::VariableValues(Source source)
    : source_(std::move(source)), room_(most_text_of_variables) {
  scope_.variable_names = std::move(source_.names);
  scope_.run_name = source_.run_name;
  scope_.variable = [this](std::string_view name) { return value_named(name); };
}

std::string VariableValues::value(const Variable& variable) {
  if (source_.given)
    if (auto given = source_.given(variable.name))
      return std::move(*given);
  if (!holds_reference(variable.value))
    return variable.value;
  const auto [entry, is_new] = known_.try_emplace(&variable);
  State& state = entry->second;
  if (is_new)
    replace(variable, state);
  else if (state.is_open)
    report_ring(variable);
  pass_level(state.level);
  return state.text;
}

/// Whoever refers to a variable is one level above it.
void VariableValues::pass_level(std::size_t level) {
  if (!path_.empty())
    path_.back().level = std::max(path_.back().level, level + 1);
}

std::optional<std::string> VariableValues::value_named(std::string_view name) {
  const Variable* variable = source_.find(name);
  if (variable == nullptr)
    return std::nullopt;
  if (path_.size() <= most_levels)
    return value(*variable);
  path_.back().level = most_levels + 1;
  return std::string();
}

void VariableValues::replace(const Variable& variable, State& state) {
  path_.push_back({&variable, 1});
  auto replaced = interpolate_variable(make_scalar(variable.value, variable.value_where), scope_);
  state.level = path_.back().level;
  path_.pop_back();
  state.is_open = false;
  if (replaced && state.level <= most_levels && replaced->value.text.size() <= room_) {
    room_ -= replaced->value.text.size();
    state.text = std::move(replaced->value.text);
    return;
  }
  if (!replaced)
    for (Error& error : flatten(std::move(replaced).error()))
      errors_.push_back(std::move(error));
  else if (state.level > most_levels)
    errors_.push_back(make_error(ErrorCode::configuration,
                                 "the value of '{}' leads through more than {} variables",
                                 variable.name,
                                 most_levels)
                          .at(variable.value_where)
                          .with_hint("let it refer to fewer of them"));
  else if (!std::exchange(is_full_, true))
    errors_.push_back(
        too_many("bytes of text from variables", most_text_of_variables, variable.value_where));
  if (errors_.size() > most_suggestions)
    scope_.variable_names.clear();
  state.level = 0;  // reported: what refers to it is not wrong as well
}

/// Those whose references lead from a variable back to it, from the first in the file on.
std::vector<const Variable*> VariableValues::ring_of(const Variable& variable) const {
  const auto begin = std::find_if(
      path_.begin(), path_.end(), [&](const Step& step) { return step.variable == &variable; });
  std::vector<const Variable*> ring;
  for (auto step = begin; step != path_.end(); ++step)
    ring.push_back(step->variable);
  const auto first =
      std::min_element(ring.begin(), ring.end(), [](const Variable* a, const Variable* b) {
        return is_before(a->value_where, b->value_where);
      });
  std::rotate(ring.begin(), first, ring.end());
  return ring;
}

void VariableValues::report_ring(const Variable& variable) {
  const std::vector<const Variable*> ring = ring_of(variable);
  const Variable& first = *ring.front();
  if (ring.size() == 1) {
    errors_.push_back(
        make_error(ErrorCode::configuration, "variable '{}' refers to itself", first.name)
            .at(first.value_where)
            .with_hint("give it a value of its own, or refer to a variable of another name"));
    return;
  }
  std::string names;
  std::vector<std::string> places;
  for (const Variable* each : ring) {
    names += fmt::format("{} → ", each->name);
    if (each != &first && places.size() < most_places)
      places.push_back(fmt::format("'{}' is at {}", each->name, each->value_where.render()));
  }
  if (ring.size() > most_places + 1)
    places.push_back(fmt::format("{} more", ring.size() - most_places - 1));
  errors_.push_back(
      make_error(ErrorCode::configuration, "variables refer to each other: {}{}", names, first.name)
          .at(first.value_where)
          .with_hint("{}; give one of them a value without a reference", join(places, ", ")));
}

void check_variable_values(Project& project) {
  std::unordered_set<std::string> known;  // a workflow meets again what is wrong with 'global'
  const auto check = [&](const std::string& scope, const std::vector<Variable>& variables) {
    if (!any_refers(variables))
      return;
    VariableValues values(source_of(project, scope));
    for (const Variable& variable : variables)
      (void)values.value(variable);
    Findings findings(project.findings);
    for (const Error& error : values.errors())
      if (known.insert(fmt::format("{} {}", error.where->render(), error.message)).second)
        findings.add(scope == global_scope ? std::string() : scope, error);
  };
  check(std::string(global_scope), scope_named(project, global_scope));
  for (const auto& [scope, variables] : project.variables)
    if (scope != global_scope)
      check(scope, variables);
}

Scope file_scope(const Project& project, const std::string& workflow, const OtherValues& other) {
  VariableValues::Source source = source_of(project, workflow);
  if (other)
    source.given = [other, workflow](std::string_view name) { return other(workflow, name); };
  Scope scope;
  scope.variable_names = source.names;
  scope.variable = [find = source.find,
                    values = std::make_shared<VariableValues>(std::move(source))](
                       std::string_view name) -> std::optional<std::string> {
    const Variable* variable = find(name);
    return variable == nullptr ? std::nullopt : std::optional(values->value(*variable));
  };
  return scope;
}

}  // namespace dstack::config

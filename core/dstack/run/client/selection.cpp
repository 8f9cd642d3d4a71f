#include "dstack/run/client/selection.hpp"

#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/sweep/address.hpp"

#include <algorithm>
#include <vector>

namespace dstack::run {

namespace {

using store::RunRecord;
using store::WorkflowRecord;

constexpr std::size_t most_shown = 3;

std::vector<std::string> workflows_of(const RunRecord& run) {
  std::vector<std::string> names;
  for (const WorkflowRecord& workflow : run.workflows) {
    const std::string name(sweep::workflow_of(workflow.name));
    if (std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(name);
  }
  return names;
}

bool is_swept(const RunRecord& run, std::string_view name) {
  return std::any_of(run.workflows.begin(), run.workflows.end(), [&](const auto& workflow) {
    return sweep::workflow_of(workflow.name) == name &&
           !sweep::combination_of(workflow.name).empty();
  });
}

/// The workflow whose combinations a number counts, where none is named: empty when it could be
/// several.
std::string counted_workflow(const RunRecord& run) {
  if (is_swept(run, run.target))
    return run.target;
  std::vector<std::string> swept = workflows_of(run);
  std::erase_if(swept, [&](const std::string& name) { return !is_swept(run, name); });
  return swept.size() == 1 ? swept.front() : std::string();
}

Failure no_workflow(const RunRecord& run, const std::string& name) {
  const std::vector<std::string> names = workflows_of(run);
  const std::string guess = did_you_mean(name, names);
  return fail(ErrorCode::not_found, "run '{}' has no workflow '{}'", run.name, printable(name))
      .with_hint("{}", guess.empty() ? fmt::format("it has {}", quoted_list(names)) : guess);
}

Failure no_combination(const RunRecord& run,
                       const std::string& workflow,
                       const std::string& combination) {
  std::vector<std::string> known;
  for (const WorkflowRecord& each : run.workflows)
    if (const auto own = sweep::combination_of(each.name);
        !own.empty() && (workflow.empty() || sweep::workflow_of(each.name) == workflow))
      known.emplace_back(own);
  Failure failure = fail(
      ErrorCode::not_found, "run '{}' has no combination '{}'", run.name, printable(combination));
  if (known.empty())
    return std::move(failure).with_hint("it is not a sweep; leave out '/{}'",
                                        printable(combination));
  return std::move(failure).with_hint("it has {}", quoted_list(known, most_shown));
}

}  // namespace

std::pair<std::string, std::string> split_part(const std::string& reference) {
  const std::size_t slash = reference.find('/');
  if (slash == std::string::npos)
    return {reference, ""};
  return {reference.substr(0, slash), reference.substr(slash + 1)};
}

Result<Selection> Selection::make(const RunRecord& run,
                                  const std::string& workflow,
                                  const std::string& combination) {
  Selection selection;
  if (workflow.empty() && combination.empty())
    return selection;
  const auto [name, own] = split_part(workflow);
  std::string wanted = name;
  const std::string& part = combination.empty() ? own : combination;
  const bool is_number = parse_number<std::size_t>(part).has_value();
  if (wanted.empty() && is_number)
    wanted = counted_workflow(run);
  auto& chosen = selection.workflows_.emplace();
  bool known = false;
  std::size_t number = 0;
  for (const WorkflowRecord& each : run.workflows) {
    if (!wanted.empty() && sweep::workflow_of(each.name) != wanted)
      continue;
    known = true;
    ++number;
    // Of several workflows with combinations a number means none.
    const std::size_t counted = wanted.empty() ? 0 : number;
    if (part.empty() || sweep::is_meant(part, sweep::combination_of(each.name), counted))
      chosen.insert(each.index);
  }
  if (!known)
    return no_workflow(run, wanted);
  if (chosen.empty())
    return no_combination(run, wanted, part);
  return selection;
}

bool Selection::is_one_combination(const RunRecord& run) const {
  return workflows_ && workflows_->size() == 1 &&
         !sweep::combination_of(run.workflows[*workflows_->begin()].name).empty();
}

}  // namespace dstack::run

#include "dstack/plan/draft.hpp"
#include "dstack/plan/graph.hpp"

namespace dstack::plan {

namespace {

/// Entries that no run can name: only what they say for themselves is judged.
void check_without_place(const World& world, std::vector<Error>& errors) {
  Drafts drafts;
  for (const config::Workflow& workflow : world.project.without_place)
    drafts.add(workflow, Role::target);
  choose_providers(drafts, world.providers, errors);
  for (Draft& draft : drafts.all) {
    const std::string& name = draft.workflow->name;
    draft.variables = variables_of(world.project.variables, name);
    // Whose variables an entry without a name means is not known.
    std::vector<Error> unwanted;
    if (draft.provider != nullptr &&
        interpolate_properties(draft, {}, {}, name.empty() ? unwanted : errors))
      check_properties(draft, world.environment, errors);
  }
}

}  // namespace

Result<void> validate(const World& world) {
  const WorkflowIndex index(world.project);
  std::vector<Error> errors;
  for (const config::Finding& finding : world.project.findings)
    errors.push_back(finding.error);
  Drafts drafts;
  for (const std::size_t workflow : whole_order(index))
    drafts.add(world.project.workflows[workflow], Role::target);
  for (Draft& draft : drafts.all)
    draft.variables = variables_of(world.project.variables, draft.workflow->name);
  choose_providers(drafts, world.providers, errors);
  for (Draft& draft : drafts.all)
    if (draft.provider != nullptr && interpolate_properties(draft, {}, {}, errors))
      check_properties(draft, world.environment, errors);
  check_without_place(world, errors);
  resolve_inputs(drafts, world, Tags::optional, errors);
  make_jobs(drafts, world, errors);
  std::vector<std::string> notices;
  if (!world.code.files.empty())
    check_paths(drafts, world.project.root, world.code, errors, notices);
  for (const Draft& draft : drafts.all)
    check_environment(draft, errors);
  for (const Draft& draft : drafts.all)
    check_shown_secrets(draft, errors);
  if (!errors.empty())
    return Failure(join(std::move(errors)));
  return {};
}

}  // namespace dstack::plan

#include "dstack/plan/draft.hpp"
#include "dstack/plan/graph.hpp"
#include "dstack/plan/sandboxes.hpp"
#include "dstack/plan/sweeps.hpp"

namespace dstack::plan {

namespace {

/// Entries that no run can name: only their own contents are checked.
void check_without_place(const PlanningContext& context, std::vector<Error>& errors) {
  Drafts drafts;
  drafts.project = context.project.folder.string();
  for (const config::Workflow& workflow : context.project.without_place)
    drafts.add(workflow, Role::target);
  choose_providers(drafts, context.providers, errors);
  for (Draft& draft : drafts.all) {
    const std::string& name = draft.workflow->name;
    draft.variables = variables_of(context.project.variables, name);
    (void)replace_references(draft.variables, {});
    // Which variables an entry without a name refers to is not known.
    std::vector<Error> unwanted;
    if (draft.provider == nullptr)
      continue;
    (void)interpolate_properties(
        draft, with_all_set(context.environment), {}, {}, name.empty() ? unwanted : errors);
    check_properties(draft, context, errors);
  }
}

}  // namespace

Result<std::vector<std::string>> validate(const PlanningContext& context) {
  const WorkflowIndex index(context.project);
  std::vector<Error> errors;
  for (const config::Finding& finding : context.project.findings)
    errors.push_back(finding.error);
  Drafts drafts;
  drafts.project = context.project.folder.string();
  drafts.all.reserve(context.project.workflows.size());
  for (const std::size_t workflow : whole_order(index))
    drafts.add(context.project.workflows[workflow], Role::target);
  for (Draft& draft : drafts.all) {
    draft.variables = variables_of(context.project.variables, draft.workflow->name);
    (void)replace_references(draft.variables, {});  // its errors are findings
  }
  choose_providers(drafts, context.providers, errors);
  std::vector<std::string> warnings;
  Request request;
  request.sampling.count = 1;  // of an interval, which a run chooses more of
  Sweeps sweeps;
  sweeps.take_matrices(drafts);
  sweeps.expand(drafts, {request, CommandLine(request), {}}, errors, warnings);
  for (Draft& draft : drafts.all) {
    if (draft.provider == nullptr)
      continue;
    if (interpolate_properties(draft, with_all_set(context.environment), {}, {}, errors)) {
      note_whole_arguments(draft, warnings);
      note_joined_lines(draft, warnings);
    }
    check_properties(draft, context, errors);
  }
  check_without_place(context, errors);
  resolve_inputs(drafts, context, Tags::optional, errors);
  std::vector<std::string> notices;  // of what a run may make before
  resolve_paths(drafts, context.project, context.code, notices);
  make_jobs(drafts, context, errors);
  settle_sandboxes(drafts, context.sandbox, errors);
  resolve_input_files(drafts, context, OnThisMachine::optional, errors);
  read_env_files(drafts, context, OnThisMachine::optional, errors, warnings);
  if (!context.code.files.empty())
    check_paths(drafts, context.project, context.code, errors, notices);
  for (const Draft& draft : drafts.all) {
    check_environment(draft, errors);
    note_unexpanded_environment(draft, context, warnings);
  }
  for (const Draft& draft : drafts.all)
    check_shown_secrets(draft, errors);
  drop_repeated(drafts, errors, warnings);
  if (!errors.empty())
    return Failure(join(std::move(errors)));
  return warnings;
}

}  // namespace dstack::plan

#include "views/first_run.hpp"

#include "dstack/audit/audit_log.hpp"
#include "dstack/base/text.hpp"
#include "dstack/plan/named_secrets.hpp"
#include "dstack/plan/redaction.hpp"
#include "dstack/run/client/project_secrets.hpp"
#include "dstack/trust/belief.hpp"
#include "dstack/trust/trusted_folders.hpp"
#include "ui/prompt.hpp"

#include <set>

namespace dstack::cli {

std::string describe_first_run(const plan::Plan& plan) {
  std::string text;
  std::set<std::string> shown;
  for (const plan::PlannedJob& job : plan.jobs) {
    const plan::PlannedWorkflow& workflow = plan.workflows[job.workflow];
    std::string part =
        fmt::format("  {} ({})\n", printable(workflow.name), printable(workflow.provider));
    for (const std::string& line : plan::lines_run_by(job.spec))
      part += fmt::format("    {}\n", line);
    if (shown.insert(part).second)
      text += part;
  }
  std::set<std::string> secrets;
  for (std::set<std::string>& each : plan::secrets_by_workflow(plan))
    secrets.merge(each);
  text += secrets.empty()
              ? std::string("  no secrets\n")
              : fmt::format("  secrets: {}\n", join({secrets.begin(), secrets.end()}, ", "));
  return text;
}

Result<bool> agree_to_first_run(const Context& context,
                                const run::Workbench& bench,
                                store::Records& records,
                                const run::SubmitRequest& request) {
  const Path& project = bench.project.folder;
  DSTACK_TRY(const bool agreed, run::has_run_before(records, project));
  if (agreed || trust::is_trusted(project))
    return true;
  source::Snapshot code;
  DSTACK_TRY(auto plan, run::preview(bench, request, code));
  context.messages.raw(fmt::format("'{}' has not been run before. It would run:\n{}",
                                   printable(project.string()),
                                   describe_first_run(plan::without_secrets(std::move(plan)))));
  if (!ui::can_ask())
    return fail(ErrorCode::usage,
                "the first run of '{}' needs confirmation, and there is no terminal to ask on",
                project.string())
        .with_hint("{}", trust::how_to_trust(project));
  DSTACK_TRY(const bool sure,
             ui::confirm(context.messages, "Run it?", "the first run of a project"));
  if (sure)
    audit::note(context.home, "agree", {{"project", project.string()}, {"target", request.target}});
  return sure;
}

Result<void> note_withheld_secrets(const Context& context) {
  DSTACK_TRY(auto records, store::Records::open(context.home, store::Records::Mode::read_only));
  DSTACK_TRY(const auto secrets, run::secrets_of(context.home, context.project(), records));
  if (!secrets.withheld.empty())
    context.messages.note(fmt::format(
        "the first run here gets {} only where the project names {}: 'secrets: [{}]' in "
        ".dstack/workflows.yaml",
        quoted_list(secrets.withheld),
        secrets.withheld.size() == 1 ? "it" : "them",
        join(secrets.withheld, ", ")));
  return {};
}

}  // namespace dstack::cli

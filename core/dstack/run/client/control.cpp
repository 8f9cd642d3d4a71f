#include "dstack/run/client/control.hpp"

#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/home.hpp"
#include "dstack/job/status.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/run/protocol/mailbox.hpp"
#include "dstack/run/protocol/supervision.hpp"
#include "dstack/run/removal/remove.hpp"
#include "dstack/store/records/run_record.hpp"

namespace dstack::run {

Result<std::size_t> find_workflow(const store::RunRecord& run, const std::string& name) {
  std::vector<std::string> names;
  for (const store::WorkflowRecord& workflow : run.workflows) {
    if (workflow.name == name)
      return workflow.index;
    names.push_back(workflow.name);
  }
  const std::string guess = did_you_mean(name, names);
  return fail(ErrorCode::not_found, "run '{}' has no workflow '{}'", run.name, name)
      .with_hint("{}", guess.empty() ? fmt::format("it has {}", quoted_list(names)) : guess);
}

Result<void> stop(const files::Home& home,
                  store::Records& records,
                  const store::RunRecord& run,
                  const std::string& workflow,
                  job::StopRequest request) {
  if (job::is_final(run.status))
    return fail(ErrorCode::conflict, "run '{}' is over: {}", run.name, job::render(run.status));
  if (run.machine != process::machine_id())
    return fail(ErrorCode::unavailable, "run '{}' belongs to another machine", run.name)
        .with_hint("stop it there");
  if (workflow.empty()) {
    DSTACK_CHECK(records.request_stop(run.id, request));
  } else {
    DSTACK_TRY(const std::size_t index, find_workflow(run, workflow));
    DSTACK_CHECK(records.request_stop(run.id, index, request));
  }
  // A supervisor that starts after this line reads the request from the database.
  (void)post(home.run(run.name), wake_message);
  DSTACK_CHECK(ensure_supervised(home, run.name));
  return {};
}

Result<void> recover(const files::Home& home, store::Records& records) {
  DSTACK_TRY(const auto runs, records.runs_in_care());
  for (const store::RunInCare& run : runs)
    if (run.machine == process::machine_id())
      DSTACK_CHECK(ensure_supervised(home, run.name));
  finish_removals(home, records);
  return {};
}

}  // namespace dstack::run

#include "dstack/run/client/control.hpp"

#include "dstack/base/text.hpp"
#include "dstack/files/home.hpp"
#include "dstack/files/reserve.hpp"
#include "dstack/job/status.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/run/protocol/mailbox.hpp"
#include "dstack/run/protocol/supervision.hpp"
#include "dstack/run/removal/remove.hpp"
#include "dstack/store/records/run_record.hpp"

#include <optional>
#include <vector>

namespace dstack::run {

namespace {

Result<void> record_stop(const files::Home& home,
                         store::Records& records,
                         const store::RunRecord& run,
                         const std::vector<std::size_t>& workflows,
                         job::StopRequest request) {
  files::ReserveUse reserve(home);
  return reserve.run([&] {
    return workflows.empty() ? records.request_stop(run.id, request)
                             : records.request_stop(run.id, workflows, request);
  });
}

/// Whether the living supervisor has been told.
Result<bool> send_stop(const Path& folder,
                       const std::vector<std::size_t>& workflows,
                       job::StopRequest request) {
  if (workflows.empty())
    return send(folder, render(StopMessage{request, std::nullopt}));
  bool heard = true;
  for (const std::size_t workflow : workflows) {
    DSTACK_TRY(const bool one, send(folder, render(StopMessage{request, workflow})));
    heard = heard && one;
  }
  return heard;
}

Error not_told(const std::string& run, Error why) {
  why.message = fmt::format(
      "run '{}' is to stop, but its supervisor could not be told: {}", run, why.message);
  why.hint += fmt::format("{}'dstack stop {}' tells it again", why.hint.empty() ? "" : "; ", run);
  return why;
}

}  // namespace

Result<void> stop(const files::Home& home,
                  store::Records& records,
                  const store::RunRecord& run,
                  const Selection& part,
                  job::StopRequest request) {
  if (job::is_final(run.status))
    return fail(ErrorCode::conflict, "run '{}' is over: {}", run.name, job::render(run.status));
  if (run.machine != process::machine_id())
    return fail(ErrorCode::unavailable, "run '{}' belongs to another machine", run.name)
        .with_hint("stop it there");
  std::vector<std::size_t> workflows;
  for (const store::WorkflowRecord& workflow : run.workflows)
    if (!part.is_all() && part.holds(workflow.index))
      workflows.push_back(workflow.index);
  auto asked = record_stop(home, records, run, workflows, request);
  // A supervisor that starts after this line reads the request from the database. Where it could
  // not be written, a living one takes it from the message, and writes it when that is possible.
  const bool by_message = !asked && (is_disk_full(asked.error()) || is_transient(asked.error()));
  const Path folder = home.run(run.name);
  const auto is_heard =
      by_message ? send_stop(folder, workflows, request) : send(folder, std::string(wake_message));
  if (!asked && !(by_message && is_heard && *is_heard))
    return asked;
  if (!is_heard)
    return fail(not_told(run.name, is_heard.error()));
  DSTACK_CHECK(ensure_supervised(home, run.name));
  return {};
}

Result<void> recover(const files::Home& home, store::Records& records) {
  DSTACK_TRY(const auto runs, records.runs_in_care());
  std::vector<Error> errors;
  for (const store::RunInCare& run : runs)
    if (run.machine == process::machine_id())
      if (auto supervised = ensure_supervised(home, run.name); !supervised)
        errors.push_back(without_supervisor(run.name, std::move(supervised).error()));
  finish_removals(home, records);
  if (!errors.empty())
    return Failure(join(std::move(errors)));
  return {};
}

}  // namespace dstack::run

#include "dstack/run/supervisor/job_stops.hpp"

#include "dstack/base/patience.hpp"
#include "dstack/run/supervisor/supervisor_log.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace dstack::run {

using job::Status;
using job::StopRequest;

Result<void> JobStops::take(const StopMessage& message) {
  for (std::size_t workflow = 0; workflow < taken_.size(); ++workflow)
    if (message.workflow.value_or(workflow) == workflow && taken_[workflow] < message.request) {
      taken_[workflow] = message.request;
      progress_.journal.add_stop({workflow, message.request});
    }
  return carry_out();
}

Result<void> JobStops::carry_out() {
  DSTACK_TRY(auto stops, with_patience([this] { return history_.stops(); }));
  bool any = false;
  for (std::size_t workflow = 0; workflow < stops.size(); ++workflow)
    stops[workflow] = std::max(stops[workflow], taken_[workflow]);
  for (std::size_t workflow = 0; workflow < stops.size(); ++workflow)
    if (stops[workflow] != StopRequest::none) {
      stop_waiting(workflow, stops[workflow]);
      any = true;
    }
  if (!any)
    return {};
  for (const std::size_t job : runners_.reached())
    if (const StopRequest request = progress_.stop_asked_of(job); request != StopRequest::none)
      stop(job, request);
  stop_saving();
  return {};
}

void JobStops::stop_saving() {
  for (std::size_t job = 0; job < progress_.order.plan.jobs.size(); ++job) {
    if (progress_.scheduler.job_status(job) != Status::uploading || runners_.has(job))
      continue;
    const StopRequest request = progress_.stop_asked_of(job);
    if (request == StopRequest::stop)
      saver_.end_wait(job);
    if (request != StopRequest::abort)
      continue;
    progress_.set_status(job, Status::aborting);
    saver_.give_up(job);
  }
}

void JobStops::stop_waiting(std::size_t workflow, StopRequest request) {
  if (progress_.stops[workflow] != request)
    log_decision(fmt::format("workflow '{}' is asked to end: {}",
                             progress_.order.plan.workflows[workflow].name,
                             job::render(request)));
  progress_.stops[workflow] = request;
  const Status status = request == StopRequest::abort ? Status::aborted : Status::stopped;
  std::vector<std::size_t> skipped;
  for (const std::size_t job : progress_.scheduler.stop_waiting(workflow, status, skipped))
    progress_.record(job,
                     status,
                     progress_.attempts.begun(job) == 0 ? "stopped before it began"
                                                        : "stopped before it began again");
  progress_.skip(skipped);
}

void JobStops::stop(std::size_t job, StopRequest request) {
  const Status wanted = request == StopRequest::abort ? Status::aborting : Status::stopping;
  if (progress_.scheduler.job_status(job) == wanted)
    return;
  log_decision(fmt::format("stops job {}", job));
  progress_.set_status(job, wanted);
  runners_.stop(job, request);
}

}  // namespace dstack::run

#include "dstack/run/supervisor/supervisor.hpp"

#include "dstack/job/status.hpp"
#include "dstack/run/protocol/mailbox.hpp"
#include "dstack/run/supervisor/supervisor_log.hpp"
#include "dstack/run/supervisor/take_over.hpp"

#include <utility>

namespace dstack::run {

using job::Status;

Supervisor::Supervisor(const files::Home& home,
                       RunOrder order,
                       store::RunRecord run,
                       SupervisorParts parts)
    : parts_(std::move(parts)),
      progress_(home, std::move(order), std::move(run), parts_.recorder, parts_.now),
      stops_(progress_, parts_),
      ends_(progress_, stops_, parts_) {}

Result<void> Supervisor::run() {
  DSTACK_CHECK(take_over());
  DSTACK_CHECK(stops_.carry_out());
  for (;;) {
    // One that cannot start has left its slot to another.
    while (!start_jobs())
      continue;
    progress_.journal.commit(progress_.scheduler);
    if (progress_.scheduler.finished())
      break;
    DSTACK_CHECK(wait());
  }
  log_decision(fmt::format("the run is over: {}", job::render(progress_.scheduler.run_status())));
  DSTACK_TRY(const auto recorded, progress_.journal.finish());
  discard_workspaces(recorded);
  return {};
}

Result<void> Supervisor::take_over() {
  DSTACK_TRY(auto ends, TakeOver(progress_, parts_).find());
  ends_.ended(std::move(ends));
  ends_.stop_failed_gangs();
  return {};
}

bool Supervisor::start_jobs() {
  Scheduler& scheduler = progress_.scheduler;
  const auto jobs = scheduler.take_startable([this](std::size_t job) { return may_start(job); });
  parts_.leases.withdraw_unless(
      [&](std::size_t job) { return scheduler.has_free_slot() && scheduler.waits(job); });
  for (const std::size_t job : jobs)
    progress_.attempts.begin(job);
  bool all_started = true;
  // All of a gang before any of it starts: all of it starts, or nothing.
  for (const auto step : {&Supervisor::reserve, &Supervisor::start})
    for (const std::size_t job : jobs) {
      if (progress_.gangs.is_over(job))
        continue;  // others of its gang could not start
      if (auto done = (this->*step)(job); !done) {
        ends_.not_started(job, done.error());
        all_started = false;
      }
    }
  parts_.runners.release_ports();
  queue_waiting();
  return all_started;
}

bool Supervisor::may_start(std::size_t job) {
  if (parts_.leases.may_start(job))
    return true;
  if (auto reason = parts_.leases.new_reason(job))
    progress_.set_status(job, Status::queued, *std::move(reason));
  return false;
}

Result<void> Supervisor::reserve(std::size_t job) {
  DSTACK_CHECK(progress_.orders.gather(job));
  DSTACK_TRY(auto gpus, parts_.leases.gpus_of(job));
  progress_.orders.set_gpus(job, std::move(gpus));
  const std::uint32_t wanted = progress_.order.plan.jobs[job].spec.ports;
  if (wanted == 0)
    return {};
  auto ports = parts_.runners.reserve_ports(job, wanted);
  if (!ports) {
    Error error = std::move(ports).error();
    if (const std::string why = progress_.attempts.why_other_ports(job); !why.empty())
      error.message = fmt::format("{}; {}", why, error.message);
    return fail(std::move(error));
  }
  progress_.orders.set_ports(job, *std::move(ports));
  return {};
}

Result<void> Supervisor::start(std::size_t job) {
  progress_.failures.began(job, progress_.now().elapsed);
  log_decision(fmt::format("starts job {}, attempt {} of {}",
                           job,
                           progress_.attempts.begun(job),
                           progress_.attempts.most(job)));
  return parts_.runners.start(progress_.job_order(job), parts_.leases.lease_of(job));
}

void Supervisor::queue_waiting() {
  if (std::exchange(queued_, true))
    return;
  const Scheduler& scheduler = progress_.scheduler;
  for (std::size_t job = 0; job < progress_.order.plan.jobs.size(); ++job)
    if (scheduler.waits(job) && scheduler.job_status(job) == Status::submitted)
      progress_.set_status(job, Status::queued, scheduler.reason_to_wait(job));
}

Result<void> Supervisor::wait() {
  DSTACK_TRY(Happened happened, parts_.events.wait());
  for (const std::string& message : happened.mail)
    DSTACK_CHECK(read(message));
  for (SavedArtifacts& result : happened.saved)
    ends_.saved(std::move(result));
  discard_workspaces(happened.recorded);
  std::vector<End> ends;
  for (const std::size_t job : happened.ended)
    ends.push_back(progress_.end_of(job, parts_.runners.collect(job)));
  ends_.ended(std::move(ends));
  if (!happened.found)
    return {};
  // Those that are reached only now can be stopped now.
  ends_.stop_failed_gangs();
  return stops_.carry_out();
}

Result<void> Supervisor::read(const std::string& message) {
  if (message == wake_message)
    return stops_.carry_out();
  if (const auto request = parse_stop(message))
    return stops_.take(*request);
  progress_.note(message);
  return {};
}

void Supervisor::discard_workspaces(const std::vector<std::size_t>& jobs) {
  for (const std::size_t job : jobs)
    parts_.saver.discard(progress_.job_order(job));
}

}  // namespace dstack::run

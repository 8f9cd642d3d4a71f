#include "dstack/run/supervisor/supervisor.hpp"

#include "dstack/files/home.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/protocol/exit_record.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"

#include <algorithm>
#include <cerrno>
#include <span>

#include <poll.h>
#include <signal.h>

namespace dstack::run {

using job::Status;
using job::StopRequest;

Supervisor::Supervisor(files::Home home,
                       std::string name,
                       store::Records& records,
                       store::RunRecord run,
                       RunOrder order,
                       Mailbox mailbox,
                       ArtifactSaver uploads,
                       Recorder recorder)
    : home_(home),
      name_(name),
      records_(records),
      run_(std::move(run)),
      order_(std::move(order)),
      scheduler_(order_.plan, order_.parallel),
      attempts_(order_.plan, scheduler_.gangs()),
      runners_(home, name),
      reservations_(home, order_, scheduler_.gangs()),
      mailbox_(std::move(mailbox)),
      saver_(std::move(uploads)),
      orders_(home_, name_, order_),
      journal_(order_, run_, std::move(recorder)),
      stops_(order_.plan.workflows.size(), StopRequest::none) {}

Result<void> Supervisor::run() {
  DSTACK_CHECK(take_over());
  DSTACK_CHECK(carry_out_stops());
  for (;;) {
    start_jobs();
    journal_.commit(scheduler_);
    if (scheduler_.finished())
      return discard_workspaces(journal_.finish());
    DSTACK_CHECK(wait_for_something());
  }
}

// --- Starting ---

void Supervisor::start_jobs() {
  const auto jobs = scheduler_.take_startable([this](std::size_t job) { return may_start(job); });
  reservations_.withdraw_unless(
      [this](std::size_t job) { return scheduler_.has_free_place() && scheduler_.waits(job); });
  for (const std::size_t job : jobs)
    attempts_.begin(job);
  // All of a gang before any of it starts: it starts whole or not at all.
  for (const std::size_t job : jobs)
    if (auto reserved = is_over(job) ? Result<void>() : reserve(job); !reserved)
      end_unstarted(job, reserved.error());
  for (const std::size_t job : jobs)
    if (auto started = is_over(job) ? Result<void>() : start(job); !started)
      end_unstarted(job, started.error());
  reserved_.clear();
  for (std::size_t job = 0; job < order_.plan.jobs.size() && !queued_; ++job)
    if (scheduler_.waits(job) && scheduler_.job_status(job) == Status::submitted) {
      scheduler_.set_status(job, Status::queued);
      journal_.add({job, Status::queued, now(), scheduler_.reason_to_wait(job), {}, {}, {}});
    }
  queued_ = true;
}

bool Supervisor::may_start(std::size_t job) {
  if (reservations_.may_start(job))
    return true;
  if (auto reason = reservations_.news_of(job)) {
    scheduler_.set_status(job, Status::queued);
    journal_.add({job, Status::queued, now(), *std::move(reason), {}, {}, {}});
  }
  return false;
}

bool Supervisor::is_over(std::size_t job) const {
  return job::is_final(scheduler_.job_status(job)) || attempts_.holds(job);
}

Result<void> Supervisor::reserve(std::size_t job) {
  DSTACK_TRY(auto cards, reservations_.cards_of(job));
  orders_.set_cards(job, std::move(cards));
  const std::uint32_t wanted = order_.plan.jobs[job].spec.ports;
  if (wanted == 0)
    return {};
  DSTACK_TRY(auto ports, reserve_ports(wanted));
  orders_.set_ports(job, numbers_of(ports));
  reserved_[job] = std::move(ports);
  return {};
}

Result<void> Supervisor::start(std::size_t job) {
  return runners_.start(job_order(job), reserved_[job], reservations_.lifeline_of(job));
}

JobOrder Supervisor::job_order(std::size_t job) const {
  return orders_.make(job, attempts_.begun(job), attempts_.most(job));
}

void Supervisor::end_unstarted(std::size_t job, const Error& error) {
  End end{job, {}};
  end.record.outcome = ExitRecord::Outcome::not_started;
  end.record.message = render(error);
  end.record.finished_at = now();
  ended(std::move(end));
}

// --- Stopping ---

Result<void> Supervisor::carry_out_stops() {
  DSTACK_TRY(const auto run, records_.find_run(name_));
  if (!run)
    return fail(ErrorCode::not_found, "run '" + name_ + "' has no record any more");
  DSTACK_TRY(const auto stops, records_.workflow_stops(run_.id));
  for (std::size_t workflow = 0; workflow < stops.size(); ++workflow)
    if (const StopRequest request = std::max(stops[workflow], run->stop);
        request != StopRequest::none)
      stop_workflow(workflow, request);
  return {};
}

void Supervisor::stop_workflow(std::size_t workflow, StopRequest request) {
  stops_[workflow] = request;
  const bool abort = request == StopRequest::abort;
  std::vector<std::size_t> skipped;
  for (const std::size_t job :
       scheduler_.stop_waiting(workflow, abort ? Status::aborted : Status::stopped, skipped))
    journal_.add(
        {job,
         abort ? Status::aborted : Status::stopped,
         now(),
         attempts_.begun(job) == 0 ? "stopped before it began" : "stopped before it began again",
         {},
         {},
         {}});
  for (const std::size_t job : skipped)
    skip(job);
  for (const auto& [fd, job] : runners_.watched())
    if (order_.plan.jobs[job].workflow == workflow)
      stop_job(job, abort);
}

void Supervisor::stop_job(std::size_t job, bool abort) {
  const Status wanted = abort ? Status::aborting : Status::stopping;
  if (scheduler_.job_status(job) == wanted)
    return;
  scheduler_.set_status(job, wanted);
  journal_.add({job, wanted, now(), {}, {}, {}, {}});
  runners_.signal(job, abort ? SIGUSR1 : SIGTERM);
}

// --- Events ---

Result<void> Supervisor::wait_for_something() {
  const auto watched = runners_.watched();
  std::vector<pollfd> polled = {
      {mailbox_.fd(), POLLIN, 0}, {saver_.fd(), POLLIN, 0}, {journal_.fd(), POLLIN, 0}};
  const std::size_t others = polled.size();
  for (const auto& [fd, job] : watched)
    polled.push_back({fd, POLLIN, 0});
  reservations_.add_events(polled);
  // A runner that was being born when the last supervisor died is looked for again; everything
  // else is an event.
  if (::poll(polled.data(), polled.size(), runners_.any_unknown() ? 100 : -1) < 0 && errno != EINTR)
    return fail_errno("cannot wait for jobs");
  reservations_.note_events(std::span(polled).subspan(others + watched.size()));
  if (polled[0].revents != 0)
    DSTACK_CHECK(read_mail());
  if (polled[1].revents != 0)
    for (SavedArtifacts& result : saver_.take_finished())
      uploaded(std::move(result));
  if (polled[2].revents != 0)
    DSTACK_CHECK(discard_workspaces(journal_.take()));
  std::vector<End> ends;
  for (std::size_t i = 0; i < watched.size(); ++i)
    if (polled[i + others].revents != 0)
      ends.push_back(end_of(watched[i].second, runners_.collect(watched[i].second)));
  all_ended(std::move(ends));
  return look_for_unknown();
}

Result<void> Supervisor::look_for_unknown() {
  if (!runners_.any_unknown())
    return {};
  std::vector<End> ends;
  for (const std::size_t job : runners_.look_again())
    ends.push_back(end_of(job, runners_.collect(job)));
  all_ended(std::move(ends));
  stop_failed_gangs();
  return carry_out_stops();  // those that were found can be stopped now
}

Result<void> Supervisor::read_mail() {
  while (const auto text = mailbox_.take()) {
    if (*text == wake_message)
      DSTACK_CHECK(carry_out_stops());
    else
      note(*text);
  }
  return {};
}

void Supervisor::note(std::string_view text) {
  if (const auto message = parse_state(text))
    note(*message);
  else if (auto app = parse_app(text); app && app->job < order_.plan.jobs.size())
    journal_.add_app(*std::move(app));
}

void Supervisor::note(const StateMessage& message) {
  if (message.job >= order_.plan.jobs.size() || message.attempt != attempts_.begun(message.job))
    return;
  const Status before = scheduler_.job_status(message.job);
  // Only forwards: a later supervisor hears again of what an earlier one has recorded. And a job
  // that is being stopped keeps saying so.
  if (job::is_final(before) || before == Status::stopping || before == Status::aborting ||
      message.status > Status::uploading || message.status <= before)
    return;
  scheduler_.set_status(message.job, message.status);
  journal_.add({message.job, message.status, message.at, {}, {}, {}, {}});
}

Result<void> Supervisor::discard_workspaces(Result<std::vector<std::size_t>> of_jobs) {
  DSTACK_TRY(const auto jobs, std::move(of_jobs));
  for (const std::size_t job : jobs)
    saver_.discard(job_order(job));
  return {};
}

}  // namespace dstack::run

#include "dstack/run/supervisor/run_progress.hpp"

#include "dstack/process/spawn.hpp"
#include "dstack/run/protocol/mailbox.hpp"
#include "dstack/run/supervisor/known_application.hpp"
#include "dstack/run/supervisor/supervisor_log.hpp"

#include <algorithm>
#include <utility>

#include <signal.h>

namespace dstack::run {

using job::Cause;
using job::Status;
using job::StopRequest;

namespace {

/// What ended an attempt, for the one that follows: "exit code 3".
std::string brief(const store::JobChange& outcome) {
  if (outcome.cause == Cause::exit && outcome.exit_code)
    return process::render(process::Exited{*outcome.exit_code});
  if (outcome.cause == Cause::signal && outcome.signal)
    return process::render(process::Signaled{*outcome.signal});
  return outcome.reason;
}

}  // namespace

RunProgress::RunProgress(const files::Home& home,
                         RunOrder its_order,
                         store::RunRecord its_record,
                         Recorder& recorder,
                         Clock clock)
    : order(std::move(its_order)),
      run(std::move(its_record)),
      now(std::move(clock)),
      scheduler(order.plan, order.parallel),
      attempts(order.plan, scheduler.gangs()),
      gangs(scheduler, attempts),
      failures(order.plan, order.most_failures),
      orders(home, run, order),
      journal(order, run, recorder, now),
      stops(order.plan.workflows.size(), StopRequest::none) {}

JobOrder RunProgress::job_order(std::size_t job) const {
  return orders.make(job, attempts.begun(job), attempts.most(job));
}

End RunProgress::end_of(std::size_t job, Result<std::optional<ExitRecord>> record) const {
  End end{job, {}};
  if (record && *record) {
    end.record = **std::move(record);
    end.at = moment_of(end.record.finished_at, end.record.finished_elapsed);
    return end;
  }
  const auto last_words = gave_up.find(job);
  const bool gave_up_itself =
      last_words != gave_up.end() && last_words->second.attempt == attempts.begun(job);
  if (!record)
    end.record.message = render(record.error());
  else if (gave_up_itself)
    end.record.message = last_words->second.text;
  if (gave_up_itself && scheduler.job_status(job) < Status::running) {
    end.record.outcome = ExitRecord::Outcome::not_started;
    end.at = now();
    return end;
  }
  end.lost = true;
  // A workspace that was still being made differs from the code anyway.
  end.record.edited = order.keep_changes > 0 && scheduler.job_status(job) > Status::preparing;
  end.record.outcome = ExitRecord::Outcome::signaled;
  end.record.number = SIGKILL;
  end.at = now();
  const job::JobSpec& spec = order.plan.jobs[job].spec;
  const bool keeps_changes = end.record.edited && spec.workspace != job::WorkspaceKind::project;
  if (scheduler.job_status(job) > Status::preparing && has_secrets(job_order(job))) {
    if (!spec.artifacts.empty())
      end.record.warnings.emplace_back("its artifacts were not scanned for secrets");
    else if (keeps_changes)
      end.record.warnings.emplace_back(
          "what it changed beside its artifacts was not scanned for secrets");
  }
  return end;
}

/// An older runner tells the time by the wall clock alone: what passed since then by the same clock
/// has elapsed.
job::Moment RunProgress::moment_of(Timestamp at,
                                   const std::optional<std::chrono::milliseconds>& elapsed) const {
  constexpr std::chrono::milliseconds none{0};
  if (elapsed)
    return {at, *elapsed};
  const job::Moment present = now();
  return {at, std::max(none, present.elapsed - std::max(none, present.at - at))};
}

StopRequest RunProgress::stop_asked_of(std::size_t job) const {
  return stops[order.plan.jobs[job].workflow];
}

std::string RunProgress::label(std::size_t job) const {
  const std::size_t workflow = order.plan.jobs[job].workflow;
  const auto& jobs = order.plan.jobs;
  std::size_t first = job;
  while (first > 0 && jobs[first - 1].workflow == workflow)
    --first;
  const bool is_alone =
      first == job && (job + 1 == jobs.size() || jobs[job + 1].workflow != workflow);
  return order.plan.workflows[workflow].name +
         (is_alone ? "" : "[" + std::to_string(job - first) + "]");
}

void RunProgress::record(std::size_t job, Status status, std::string reason) {
  journal.add({job, status, now(), std::move(reason), {}, {}, {}, {}, {}});
}

void RunProgress::set_status(std::size_t job, Status status, std::string reason) {
  scheduler.set_status(job, status);
  record(job, status, std::move(reason));
}

void RunProgress::skip(const std::vector<std::size_t>& jobs) {
  for (const std::size_t job : jobs) {
    log_decision(fmt::format("skips job {}", job));
    record(job, Status::skipped, skipped_with_dependency);
  }
}

void RunProgress::hold_back(const FailureLimit::Verdict& verdict) {
  log_decision(verdict.reason);
  std::vector<std::size_t> skipped;
  for (const std::size_t workflow : verdict.workflows)
    for (const std::size_t job : scheduler.stop_waiting(workflow, Status::skipped, skipped))
      record(job, Status::skipped, verdict.reason);
  skip(skipped);
}

void RunProgress::record_retry(std::size_t job,
                               std::size_t attempt,
                               const store::JobChange& failure) {
  store::JobChange change;
  change.job = job;
  change.status = Status::queued;
  change.at = now();
  change.cause = failure.cause;
  if (failure.job != job)
    change.reason = fmt::format("{} failed: ", label(failure.job));
  change.reason +=
      fmt::format("{}; attempt {} of {} follows", brief(failure), attempt + 1, attempts.most(job));
  log_decision(fmt::format("retries job {}: {}", job, change.reason));
  journal.add(std::move(change));
}

void RunProgress::note(std::string_view text) {
  if (const auto message = parse_state(text))
    note(*message);
  else if (auto trouble = parse_trouble(text))
    note(*std::move(trouble));
  else if (auto app = parse_app(text))
    note(*std::move(app));
}

void RunProgress::note(const StateMessage& message) {
  if (message.job >= order.plan.jobs.size() || message.attempt != attempts.begun(message.job))
    return;
  const Status before = scheduler.job_status(message.job);
  // Only forwards: a later supervisor reads again what an earlier one has recorded. And a job that
  // is being stopped keeps that status.
  if (job::is_final(before) || before == Status::stopping || before == Status::aborting ||
      message.status > Status::uploading || message.status <= before)
    return;
  scheduler.set_status(message.job, message.status);
  journal.add(
      {message.job, message.status, moment_of(message.at, message.elapsed), {}, {}, {}, {}});
}

void RunProgress::note(job::Application said) {
  if (said.job >= order.plan.jobs.size())
    return;
  const std::size_t job = said.job;
  if (auto app =
          known_application(std::move(said), order.plan.jobs[job].spec, orders.ports_of(job)))
    journal.add_app(*std::move(app));
}

void RunProgress::note(TroubleMessage message) {
  if (message.job >= order.plan.jobs.size() || message.attempt != attempts.begun(message.job))
    return;
  const Status status = scheduler.job_status(message.job);
  if (message.kind == TroubleMessage::Kind::gives_up)
    gave_up.insert_or_assign(message.job, std::move(message));
  else if (!job::is_final(status))
    record(message.job, status, std::move(message.text));
}

}  // namespace dstack::run

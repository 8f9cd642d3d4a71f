#include "dstack/run/supervisor.hpp"

#include "dstack/backend/container.hpp"
#include "dstack/backend/local_process.hpp"
#include "dstack/base/last_words.hpp"
#include "dstack/base/log.hpp"
#include "dstack/base/text.hpp"
#include "dstack/process/oom_score.hpp"
#include "dstack/resources/limits.hpp"
#include "dstack/run/apps.hpp"
#include "dstack/run/attempts.hpp"
#include "dstack/run/job_orders.hpp"
#include "dstack/run/job_secrets.hpp"
#include "dstack/run/journal.hpp"
#include "dstack/run/log.hpp"
#include "dstack/run/mailbox.hpp"
#include "dstack/run/missing_file.hpp"
#include "dstack/run/notifications.hpp"
#include "dstack/run/reservations.hpp"
#include "dstack/run/scheduler.hpp"
#include "dstack/run/uploads.hpp"
#include "dstack/run/wrappers.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <memory>
#include <set>
#include <span>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

namespace dstack::run {

using store::Cause;
using store::Status;
using store::StopRequest;

namespace {

constexpr std::size_t end_of_log = 8192;  ///< bytes that are searched for the reason of a failure

/// What ended an attempt, for the one that follows: "exit code 3".
std::string brief(const store::JobChange& outcome) {
  if (outcome.cause == Cause::exit && outcome.exit_code)
    return process::render(process::Exited{*outcome.exit_code});
  if (outcome.cause == Cause::signal && outcome.signal)
    return process::render(process::Signaled{*outcome.signal});
  return outcome.reason;
}

class Supervisor {
 public:
  Supervisor(store::Home home,
             std::string name,
             store::Records& records,
             store::RunRecord run,
             RunOrder order,
             Mailbox mailbox,
             Uploads uploads,
             Recorder recorder)
      : home_(home),
        name_(name),
        records_(records),
        run_(std::move(run)),
        order_(std::move(order)),
        scheduler_(order_.plan, order_.parallel),
        attempts_(order_.plan, scheduler_.gangs()),
        wrappers_(home, name),
        reservations_(home, order_, scheduler_.gangs()),
        mailbox_(std::move(mailbox)),
        uploads_(std::move(uploads)),
        orders_(home_, name_, order_),
        journal_(order_, run_, std::move(recorder)),
        stops_(order_.plan.workflows.size(), StopRequest::none) {}

  Result<void> run() {
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

 private:
  // --- What was before ---

  Result<void> take_over() {
    DSTACK_TRY(const auto jobs, records_.jobs(run_.id));
    DSTACK_TRY(const auto artifacts, records_.artifacts(run_.id));
    for (const store::ArtifactRecord& artifact : artifacts)
      orders_.add(artifact);
    for (const store::JobRecord& job : jobs)
      scheduler_.restore(job.index, job.status);
    restore_ends(jobs);
    std::vector<End> ends;
    for (const store::JobRecord& job : jobs)
      if (!store::is_final(job.status))
        take_over(job, ends);
    // Judged only when all that live are known: an end may stop others.
    all_ended(std::move(ends));
    stop_failed_gangs();
    return {};
  }

  void restore_ends(const std::vector<store::JobRecord>& jobs) {
    const auto restore = [&](const store::JobRecord& job) {
      if (store::is_final(job.status))
        attempts_.restore_end(job.index, job.status);
    };
    if (run_.first_failure >= 0 && static_cast<std::size_t>(run_.first_failure) < jobs.size())
      restore(jobs[static_cast<std::size_t>(run_.first_failure)]);
    for (const store::JobRecord& job : jobs)
      restore(job);
  }

  void take_over(const store::JobRecord& job, std::vector<End>& ends) {
    std::size_t attempt = wrappers_.newest_attempt(job.index);
    Trace trace = attempt == 0 ? Trace::none : wrappers_.look(job.index, attempt);
    if (trace == Trace::none && attempt > 1)
      trace = wrappers_.look(job.index, --attempt);  // the newest has not come to life
    if (trace == Trace::none)
      return;
    attempts_.restore(job.index, attempt);
    if (order_.plan.jobs[job.index].spec.ports > 0)
      orders_.set_ports(job.index, wrappers_.ports(job.index, attempt));
    scheduler_.take(job.index);
    // What cannot be adopted the wrapper still holds.
    (void)reservations_.adopt(job.index, unfinished_of_gang(job.index));
    const std::size_t told = told_attempts(job, attempt);
    for (std::size_t earlier = told + 1; earlier < attempt; ++earlier)
      tell_again_late(job.index, earlier);
    if (told >= attempt)
      told_again_.insert(job.index);
    else
      replay_states(job.index, attempt);
    if (trace == Trace::alive)
      wrappers_.adopt(job.index, attempt);
    else
      ends.push_back(end_of(job.index, wrappers_.record(job.index, attempt)));
  }

  std::size_t unfinished_of_gang(std::size_t job) const {
    const auto members = scheduler_.gangs().members(job);
    return static_cast<std::size_t>(
        std::count_if(members.begin(), members.end(), [&](std::size_t member) {
          return !store::is_final(scheduler_.job_status(member));
        }));
  }

  /// Of how many attempts it is on record that they are over and another follows.
  std::size_t told_attempts(const store::JobRecord& job, std::size_t attempt) {
    if (attempt == 1 && job.status != Status::queued)
      return 0;
    const auto history = records_.history(run_.id, job.index);
    if (!history)
      return attempt;
    return static_cast<std::size_t>(
        std::count_if(history->begin(), history->end(), [](const auto& entry) {
          return entry.status == Status::queued && entry.cause;
        }));
  }

  /// The supervisor before did not live to record it.
  void tell_again_late(std::size_t job, std::size_t attempt) {
    store::JobChange failure;
    for (const std::size_t member : scheduler_.gangs().members(job))
      if (const auto outcome = outcome_of(end_of(member, wrappers_.record(member, attempt)));
          outcome.status == Status::failed)
        failure = outcome;
    scheduler_.set_status(job, Status::queued);
    tell_again(job, attempt, failure);
  }

  /// The states that a wrapper went through while nobody listened.
  void replay_states(std::size_t job, std::size_t attempt) {
    const auto text = read_file(folder_of(job, attempt) / files::states);
    if (!text)
      return;
    for (const std::string_view line : split(*text, '\n'))
      note(line);
  }

  // --- Starting ---

  void start_jobs() {
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

  bool may_start(std::size_t job) {
    if (reservations_.may_start(job))
      return true;
    if (auto reason = reservations_.news_of(job)) {
      scheduler_.set_status(job, Status::queued);
      journal_.add({job, Status::queued, now(), *std::move(reason), {}, {}, {}});
    }
    return false;
  }

  /// Before it has begun: others of its gang failed.
  bool is_over(std::size_t job) const {
    return store::is_final(scheduler_.job_status(job)) || attempts_.holds(job);
  }

  Result<void> reserve(std::size_t job) {
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

  Result<void> start(std::size_t job) {
    return wrappers_.start(job_order(job), reserved_[job], reservations_.lifeline_of(job));
  }

  /// Of the attempt that has begun last.
  JobOrder job_order(std::size_t job) const {
    return orders_.make(job, attempts_.begun(job), attempts_.most(job));
  }

  void end_unstarted(std::size_t job, const Error& error) {
    End end{job, {}};
    end.record.outcome = ExitRecord::Outcome::not_started;
    end.record.message = render(error);
    end.record.finished_at = now();
    ended(std::move(end));
  }

  // --- Ends ---

  /// A wrapper is gone; one without a record was killed.
  End end_of(std::size_t job, std::optional<ExitRecord> record) const {
    End end{job, {}};
    if (record) {
      end.record = *std::move(record);
      return end;
    }
    end.lost = true;
    // A workspace that was still being made differs from the code without anybody's doing.
    end.record.edited = scheduler_.job_status(job) > Status::preparing;
    end.record.outcome = ExitRecord::Outcome::signaled;
    end.record.number = SIGKILL;
    end.record.finished_at = now();
    if (end.record.edited && !order_.plan.jobs[job].spec.artifacts.empty() &&
        has_secrets(job_order(job)))
      end.record.warnings.emplace_back("its artifacts were not looked through for secrets");
    return end;
  }

  /// In the order in which they came, for the first failure counts.
  void all_ended(std::vector<End> ends) {
    std::stable_sort(ends.begin(), ends.end(), [](const End& a, const End& b) {
      return a.record.finished_at < b.record.finished_at;
    });
    for (const End& end : ends)
      unjudged_.insert(end.job);
    for (End& end : ends)
      ended(std::move(end));
  }

  void ended(End end) {
    const std::size_t job = end.job;
    unjudged_.erase(job);
    if (end.lost)
      end_what_is_left(end);
    reservations_.ended(job);
    const auto wish = stop_asked_of(job) == StopRequest::none ? Wish::go_on : Wish::end;
    const Attempts::Verdict verdict = attempts_.ended(std::move(end), wish);
    for (const End& over : verdict.over)
      settle(over);
    for (const std::size_t other : verdict.again)
      try_again(other, verdict.failure);
    if (attempts_.failed_first(job))
      stop_rest_of_gang(job);
  }

  /// What a killed wrapper watched over goes with it.
  void end_what_is_left(End& end) const {
    backend::kill_marked("JOB_ID", order_.job_ids[end.job]);
    if (order_.machine)
      resources::remove_groups(order_.job_ids[end.job]);
    const Path folder = folder_of(end.job, attempts_.begun(end.job));
    if (const auto removed = backend::remove_container(folder / files::container); !removed)
      end.record.warnings.push_back(
          "its container is still there, and can be removed with 'docker rm -f dstack-" +
          order_.job_ids[end.job] + "': " + render(removed.error()));
  }

  StopRequest stop_asked_of(std::size_t job) const {
    return stops_[order_.plan.jobs[job].workflow];
  }

  void try_again(std::size_t job, const store::JobChange& failure) {
    const std::size_t begun = attempts_.begun(job);
    scheduler_.again(job);
    uploads_.discard(job_order(job));
    if (told_again_.erase(job) == 0)
      tell_again(job, begun, failure);
  }

  void tell_again(std::size_t job, std::size_t attempt, const store::JobChange& failure) {
    store::JobChange change;
    change.job = job;
    change.status = Status::queued;
    change.at = now();
    change.cause = failure.cause;
    if (failure.job != job)
      change.reason = label(failure.job) + " failed: ";
    change.reason += brief(failure) + "; attempt " + std::to_string(attempt + 1) + " of " +
                     std::to_string(attempts_.most(job)) + " follows";
    journal_.add(std::move(change));
  }

  /// A gang ends with the first of it that fails, and at once.
  void stop_rest_of_gang(std::size_t failed) {
    for (const std::size_t job : scheduler_.gangs().members(failed)) {
      const Status status = scheduler_.job_status(job);
      if (job == failed || store::is_final(status) || status == Status::uploading ||
          attempts_.holds(job) || unjudged_.contains(job))
        continue;
      if (wrappers_.reaches(job))
        stop_job(job, false);
      else if (!wrappers_.has(job))
        stop_unstarted(job);
    }
  }

  void stop_unstarted(std::size_t job) {
    scheduler_.take(job);
    End end{job, {}};
    end.record.outcome = ExitRecord::Outcome::not_started;
    end.record.stop = StopRequest::stop;
    end.record.finished_at = now();
    ended(std::move(end));
  }

  void stop_failed_gangs() {
    for (std::size_t job = 0; job < order_.plan.jobs.size(); ++job)
      if (attempts_.failed_first(job) == job)
        stop_rest_of_gang(job);
  }

  /// The end of a job's last attempt.
  void settle(const End& end) {
    const std::size_t job = end.job;
    const ExitRecord& record = end.record;
    if (end.lost)
      lost_.insert(job);
    const store::JobChange outcome = outcome_of(end);
    if (outcome.status == Status::failed)
      journal_.add_failure(job);
    const plan::PlannedJob& planned = order_.plan.jobs[job];
    const bool nothing_to_keep = planned.spec.artifacts.empty() && !record.edited;
    if (nothing_to_keep || record.stop == StopRequest::abort ||
        record.outcome == ExitRecord::Outcome::not_started) {
      if (end.lost || record.outcome == ExitRecord::Outcome::not_started)
        (void)remove_tree(folder_of(job, attempts_.begun(job)) / files::workspace);
      finish(final_change({job, record, {}, {}, {}, {}}));
      return;
    }
    if (scheduler_.job_status(job) != Status::uploading) {  // a wrapper may have said it
      scheduler_.set_status(job, Status::uploading);
      journal_.add({job, Status::uploading, now(), {}, {}, {}, {}});
    }
    // Only a wrapper sees to it that the whole process tree is gone, and only a workspace of the
    // job's own goes with it.
    const bool is_over = !end.lost && planned.spec.workspace != provider::WorkspaceKind::project;
    uploads_.start(job_order(job),
                   order_.plan.workflows[planned.workflow].name,
                   record,
                   is_over ? store::Originals::go : store::Originals::stay);
  }

  store::JobChange final_change(const Uploaded& uploaded) const {
    const std::size_t job = uploaded.job;
    store::JobChange change = outcome_of({job, uploaded.record, lost_.count(job) > 0});
    const auto first = attempts_.failed_first(job);
    if (change.status == Status::stopped && first && stop_asked_of(job) == StopRequest::none)
      change.reason = "stopped because " + label(*first) + " failed first";
    if (!uploaded.error.empty()) {
      change.status = Status::failed;
      change.cause = Cause::lost;
      change.reason = uploaded.error;
    } else {
      add_reason(change, join(uploaded.warnings, "; "));
    }
    change.at = now();
    return change;
  }

  /// As people see it: "train", or "train[2]".
  std::string label(std::size_t job) const {
    const std::size_t workflow = order_.plan.jobs[job].workflow;
    const auto& jobs = order_.plan.jobs;
    std::size_t first = job;
    while (first > 0 && jobs[first - 1].workflow == workflow)
      --first;
    const bool is_alone =
        first == job && (job + 1 == jobs.size() || jobs[job + 1].workflow != workflow);
    return order_.plan.workflows[workflow].name +
           (is_alone ? "" : "[" + std::to_string(job - first) + "]");
  }

  Path folder_of(std::size_t job, std::size_t attempt) const {
    return attempt_folder(home_, name_, job, attempt);
  }

  void uploaded(Uploaded result) {
    if (result.error.empty()) {
      journal_.add_workspace(result.job);
      for (store::ArtifactRecord& artifact : result.artifacts) {
        orders_.add(artifact);
        journal_.add_artifact(std::move(artifact));
      }
      if (result.edits)
        journal_.add_edits(*std::move(result.edits));
    }
    finish(final_change(result));
  }

  void finish(store::JobChange change) {
    const std::size_t job = change.job;
    if (change.cause == Cause::exit)
      add_reason(change, why_a_file_was_missing(job));
    if (change.status == Status::failed)
      journal_.add_failure(job);
    const auto skipped = scheduler_.ended(job, change.status);
    journal_.add(std::move(change));
    for (const std::size_t other : skipped)
      skip(other);
  }

  std::string why_a_file_was_missing(std::size_t job) const {
    const auto end = JobLog(home_.job(name_, job)).read_end(end_of_log);
    if (!end)
      return {};
    return explain_missing_file(*end,
                                order_.plan.project,
                                order_.plan.jobs[job].spec.working_dir,
                                order_.code.snapshot,
                                store::ObjectStore(home_));
  }

  void skip(std::size_t job) {
    journal_.add({job,
                  Status::skipped,
                  now(),
                  "a workflow that it depends on did not end well",
                  {},
                  {},
                  {}});
  }

  // --- Stopping ---

  Result<void> carry_out_stops() {
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

  void stop_workflow(std::size_t workflow, StopRequest request) {
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
    for (const auto& [fd, job] : wrappers_.watched())
      if (order_.plan.jobs[job].workflow == workflow)
        stop_job(job, abort);
  }

  void stop_job(std::size_t job, bool abort) {
    const Status wanted = abort ? Status::aborting : Status::stopping;
    if (scheduler_.job_status(job) == wanted)
      return;
    scheduler_.set_status(job, wanted);
    journal_.add({job, wanted, now(), {}, {}, {}, {}});
    wrappers_.signal(job, abort ? SIGUSR1 : SIGTERM);
  }

  // --- Events ---

  Result<void> wait_for_something() {
    const auto watched = wrappers_.watched();
    std::vector<pollfd> polled = {
        {mailbox_.fd(), POLLIN, 0}, {uploads_.fd(), POLLIN, 0}, {journal_.fd(), POLLIN, 0}};
    const std::size_t others = polled.size();
    for (const auto& [fd, job] : watched)
      polled.push_back({fd, POLLIN, 0});
    reservations_.add_events(polled);
    // A wrapper that was being born when the last supervisor died is looked for again; everything
    // else is an event.
    if (::poll(polled.data(), polled.size(), wrappers_.any_unknown() ? 100 : -1) < 0 &&
        errno != EINTR)
      return fail_errno("cannot wait for jobs");
    reservations_.note_events(std::span(polled).subspan(others + watched.size()));
    if (polled[0].revents != 0)
      DSTACK_CHECK(read_mail());
    if (polled[1].revents != 0)
      for (Uploaded& result : uploads_.take_finished())
        uploaded(std::move(result));
    if (polled[2].revents != 0)
      DSTACK_CHECK(discard_workspaces(journal_.take()));
    std::vector<End> ends;
    for (std::size_t i = 0; i < watched.size(); ++i)
      if (polled[i + others].revents != 0)
        ends.push_back(end_of(watched[i].second, wrappers_.collect(watched[i].second)));
    all_ended(std::move(ends));
    return look_for_unknown();
  }

  Result<void> look_for_unknown() {
    if (!wrappers_.any_unknown())
      return {};
    std::vector<End> ends;
    for (const std::size_t job : wrappers_.look_again())
      ends.push_back(end_of(job, wrappers_.collect(job)));
    all_ended(std::move(ends));
    stop_failed_gangs();
    return carry_out_stops();  // those that were found can be stopped now
  }

  Result<void> read_mail() {
    while (const auto text = mailbox_.take()) {
      if (*text == wake_message)
        DSTACK_CHECK(carry_out_stops());
      else
        note(*text);
    }
    return {};
  }

  /// A wrapper's word, as it was sent or as it stands in the file.
  void note(std::string_view text) {
    if (const auto message = parse_state(text))
      note(*message);
    else if (auto app = parse_app(text); app && app->job < order_.plan.jobs.size())
      journal_.add_app(*std::move(app));
  }

  void note(const StateMessage& message) {
    if (message.job >= order_.plan.jobs.size() || message.attempt != attempts_.begun(message.job))
      return;
    const Status before = scheduler_.job_status(message.job);
    // Only forwards: a later supervisor hears again of what an earlier one has recorded. And a job
    // that is being stopped keeps saying so.
    if (store::is_final(before) || before == Status::stopping || before == Status::aborting ||
        message.status > Status::uploading || message.status <= before)
      return;
    scheduler_.set_status(message.job, message.status);
    journal_.add({message.job, message.status, message.at, {}, {}, {}, {}});
  }

  Result<void> discard_workspaces(Result<std::vector<std::size_t>> of_jobs) {
    DSTACK_TRY(const auto jobs, std::move(of_jobs));
    for (const std::size_t job : jobs)
      uploads_.discard(job_order(job));
    return {};
  }

  store::Home home_;
  std::string name_;
  store::Records& records_;
  store::RunRecord run_;
  RunOrder order_;
  Scheduler scheduler_;
  Attempts attempts_;
  Wrappers wrappers_;
  Reservations reservations_;
  Mailbox mailbox_;
  Uploads uploads_;
  JobOrders orders_;
  Journal journal_;
  std::map<std::size_t, std::vector<Port>> reserved_;  ///< by job, until its wrapper has them
  std::vector<StopRequest> stops_;                     ///< by workflow
  std::set<std::size_t> unjudged_;    ///< jobs that have ended, and whose turn is still to come
  std::set<std::size_t> told_again_;  ///< jobs whose next attempt is on record, and has not begun

  std::set<std::size_t> lost_;
  bool queued_ = false;
};

Result<void> see_to_end(const store::Home& home,
                        const std::string& name,
                        store::Records& records,
                        store::RunRecord run) {
  DSTACK_TRY(auto mailbox, Mailbox::open(home.run(name)));
  DSTACK_TRY(const std::string text, records.plan(run.id));
  DSTACK_TRY(auto order, parse_run_order(text));
  DSTACK_TRY(auto uploads, Uploads::make(home));
  DSTACK_TRY(auto recorder, Recorder::start(home, run));
  return Supervisor(home,
                    name,
                    records,
                    std::move(run),
                    std::move(order),
                    std::move(mailbox),
                    std::move(uploads),
                    std::move(recorder))
      .run();
}

Result<void> supervise(const store::Home& home, const std::string& name, const Fd& lock) {
  const auto self = process::identity_of(::getpid());
  if (::ftruncate(lock.get(), 0) != 0 || !self)
    return fail_errno("cannot write who supervises run '" + name + "'");
  DSTACK_CHECK(write_all(lock.get(), process::render(*self) + "\n"));
  DSTACK_TRY(auto records, store::Records::open(home));
  DSTACK_TRY(auto run, records.find_run(name));
  if (!run)
    return fail(ErrorCode::not_found, "there is no run '" + name + "'");
  if (!store::is_final(run->status))
    DSTACK_CHECK(see_to_end(home, name, records, *run));
  process::leave_to_oom_killer();  // from here on programs of the user's are started
  return send_notifications(home, records, *run);
}

}  // namespace

void complain(const Path& run_folder, const std::string& message) {
  log::start(log::Level::warning, (run_folder / files::supervisor_log).string());
  log::warning(message);
}

int supervise_main(const store::Home& home, const std::string& name) {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  const Path folder = home.run(name);
  auto lock = open_file((folder / files::run_lock).string(), O_RDWR | O_CREAT, 0600);
  if (!lock)
    return 1;
  const auto held = lock_exclusive(lock->get(), Wait::no);
  if (!held || !*held)
    return 0;  // somebody else sees it through
  write_last_words_to((folder / files::supervisor_log).string());
  process::protect_from_oom_killer();
  if (auto result = supervise(home, name, *lock); !result) {
    complain(folder, render(result.error()));
    return 1;
  }
  return 0;
}

}  // namespace dstack::run

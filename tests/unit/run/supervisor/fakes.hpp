// A run without processes, disk or clock: stands for everything that a supervisor reaches beyond
// its own values, and writes down what it is asked. Unless a test says otherwise, a job is started,
// and whenever the supervisor waits, the one that was started first ends well.
#pragma once

#include "dstack/run/protocol/mailbox.hpp"
#include "dstack/run/supervisor/supervisor.hpp"
#include "unit/run/schedule/plans.hpp"

#include <algorithm>
#include <cerrno>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dstack::run::test {

using Jobs = std::vector<std::size_t>;
using JobAttempt = std::pair<std::size_t, std::size_t>;  ///< a job, and which attempt of it

inline ExitRecord exits(int code) {
  ExitRecord record;
  record.number = code;
  return record;
}

struct FakeClock {
  job::Moment time{Timestamp(std::chrono::milliseconds(1'000'000)), std::chrono::minutes(1)};

  void pass() {
    time.at += std::chrono::seconds(1);
    time.elapsed += std::chrono::seconds(1);
  }
};

struct FakeRunners : JobRunners {
  explicit FakeRunners(FakeClock& its_clock) : clock(its_clock) {}

  FakeClock& clock;
  std::map<JobAttempt, std::optional<ExitRecord>> ends;  ///< of those that do not exit with 0
  std::set<std::size_t> refused;                         ///< these cannot be started
  std::set<std::size_t> without_ports;                   ///< for these no ports are free
  std::set<std::size_t> unreached;                       ///< adopted, and not known yet
  std::set<std::size_t> unreadable;                      ///< what these leave cannot be read

  std::vector<std::string> calls;  ///< "start 0", "stop 2", "abort 2", "adopt 1", "release"
  std::vector<JobOrder> orders;    ///< of all that were started
  std::vector<int> leases;         ///< likewise
  std::map<std::size_t, std::size_t> living;  ///< attempts, by job
  std::deque<std::size_t> started;            ///< jobs, the earliest first
  std::map<std::size_t, job::StopRequest> stopped;
  std::size_t reserved = 0;       ///< ports of jobs that have not started
  mutable std::size_t count = 0;  ///< of calls of any kind
  std::size_t most_at_a_time = 0;

  Result<std::vector<std::uint16_t>> reserve_ports(std::size_t job, std::size_t wanted) override {
    ++count;
    if (without_ports.contains(job))
      return fail(ErrorCode::unavailable, "no ports");
    reserved += wanted;
    std::vector<std::uint16_t> ports;
    for (std::size_t i = 0; i < wanted; ++i)
      ports.push_back(static_cast<std::uint16_t>(20'000 + 10 * job + i));
    return ports;
  }

  void release_ports() override {
    ++count;
    reserved = 0;
  }

  Result<void> start(const JobOrder& order, int lease) override {
    ++count;
    calls.push_back("start " + std::to_string(order.index));
    if (refused.contains(order.index))
      return fail(ErrorCode::unavailable, "no more processes");
    orders.push_back(order);
    leases.push_back(lease);
    begin(order.index, order.attempt);
    return {};
  }

  void adopt(std::size_t job, std::size_t attempt) override {
    ++count;
    calls.push_back("adopt " + std::to_string(job));
    begin(job, attempt);
  }

  bool has(std::size_t job) const override {
    ++count;
    return living.contains(job);
  }

  bool reaches(std::size_t job) const override {
    ++count;
    return living.contains(job) && !unreached.contains(job);
  }

  std::vector<std::size_t> reached() const override {
    ++count;
    Jobs jobs;
    for (const auto& [job, attempt] : living)
      if (!unreached.contains(job))
        jobs.push_back(job);
    return jobs;
  }

  void stop(std::size_t job, job::StopRequest request) override {
    ++count;
    calls.push_back((request == job::StopRequest::abort ? "abort " : "stop ") +
                    std::to_string(job));
    stopped[job] = request;
  }

  Result<std::optional<ExitRecord>> collect(std::size_t job) override {
    ++count;
    const JobAttempt key{job, living.at(job)};
    living.erase(job);
    started.erase(std::find(started.begin(), started.end(), job));
    if (unreadable.contains(job))
      return fail_errno_of(EMFILE, "cannot open '/somewhere/exit.json'");
    const auto end = ends.find(key);
    auto record = end == ends.end() ? exits(0) : end->second;
    if (record && record->finished_at == Timestamp()) {
      record->finished_at = clock.time.at;
      record->finished_elapsed = clock.time.elapsed;
    }
    if (const auto request = stopped.find(job); request != stopped.end() && record) {
      record->stop = request->second;
      stopped.erase(request);
    }
    return record;
  }

 private:
  void begin(std::size_t job, std::size_t attempt) {
    living[job] = attempt;
    started.push_back(job);
    most_at_a_time = std::max(most_at_a_time, living.size());
  }
};

struct FakeTraces : AttemptTraces {
  struct Attempt {
    Trace trace = Trace::none;
    std::optional<ExitRecord> end = {};
    std::vector<std::string> states = {};
    std::vector<std::uint16_t> given_ports = {};
  };

  std::map<JobAttempt, Attempt> attempts;
  std::vector<JobAttempt> cleaned;  ///< nothing of these is left
  std::vector<JobAttempt> removed;  ///< workspaces

  const Attempt& at(std::size_t job, std::size_t attempt) const {
    static const Attempt nothing;
    const auto found = attempts.find({job, attempt});
    return found == attempts.end() ? nothing : found->second;
  }

  Result<std::size_t> newest(std::size_t job) const override {
    std::size_t attempt = 0;
    while (attempts.contains({job, attempt + 1}))
      ++attempt;
    return attempt;
  }

  Result<Trace> look(std::size_t job, std::size_t attempt) const override {
    return at(job, attempt).trace;
  }

  Result<std::optional<ExitRecord>> record(std::size_t job, std::size_t attempt) const override {
    return at(job, attempt).end;
  }

  Result<std::vector<std::uint16_t>> ports(std::size_t job, std::size_t attempt) const override {
    return at(job, attempt).given_ports;
  }

  Result<std::vector<std::string>> messages(std::size_t job, std::size_t attempt) const override {
    return at(job, attempt).states;
  }

  Result<void> end_orphans(std::size_t job, std::size_t attempt) override {
    cleaned.emplace_back(job, attempt);
    return {};
  }

  void remove_workspace(std::size_t job, std::size_t attempt) override {
    removed.emplace_back(job, attempt);
  }
};

struct FakeLeases : Leases {
  std::map<std::size_t, std::string> waiting;  ///< why these may not start
  std::map<std::size_t, std::string> refused;  ///< why these never may
  std::vector<std::string> gpus;               ///< what each job is given
  std::vector<JobAttempt> adopted;             ///< jobs, with how many of their gang are unfinished
  Jobs given_back;
  std::size_t asked = 0;

  bool may_start(std::size_t job) override {
    ++asked;
    return !waiting.contains(job);
  }

  Result<std::vector<std::string>> gpus_of(std::size_t job) const override {
    if (const auto error = refused.find(job); error != refused.end())
      return fail(ErrorCode::unavailable, "{}", error->second);
    return gpus;
  }

  int lease_of(std::size_t job) const override { return static_cast<int>(100 + job); }

  std::optional<std::string> new_reason(std::size_t job) override { return waiting.at(job); }

  Result<void> adopt(std::size_t job, std::size_t unfinished) override {
    adopted.emplace_back(job, unfinished);
    return {};
  }

  void ended(std::size_t job) override { given_back.push_back(job); }

  void withdraw_unless(const std::function<bool(std::size_t job)>&) override {}
};

struct FakeSaver : ArtifactSaver {
  std::map<std::size_t, std::string> errors;    ///< what of these cannot be stored
  std::map<std::size_t, std::string> missing;   ///< what of these was not made
  std::map<std::size_t, std::string> warnings;  ///< one for each of these
  std::vector<SavedArtifacts> finished;         ///< given at the next wait
  std::vector<JobAttempt> discarded;
  std::vector<std::size_t> given_up;
  std::vector<std::size_t> not_waiting;
  std::map<std::size_t, store::Originals> originals;

  void start(JobOrder order,
             std::string workflow,
             ExitRecord record,
             store::Originals what) override {
    SavedArtifacts result{order.index, std::move(record), {}, {}, {}, {}};
    for (const std::string& path : order.spec.artifacts)
      result.artifacts.push_back({workflow, path, {}, false, {}});
    if (const auto error = errors.find(order.index); error != errors.end())
      result.error = error->second;
    if (const auto artifact = missing.find(order.index); artifact != missing.end())
      result.missing = artifact->second;
    if (const auto warning = warnings.find(order.index); warning != warnings.end())
      result.warnings.push_back(warning->second);
    originals[order.index] = what;
    finished.push_back(std::move(result));
  }

  void end_wait(std::size_t job) override { not_waiting.push_back(job); }

  /// Those that finished before are as they were.
  void give_up(std::size_t job) override {
    given_up.push_back(job);
    for (SavedArtifacts& result : finished)
      if (result.job == job) {
        result.artifacts.clear();
        result.given_up = true;
      }
  }

  void discard(JobOrder order) override { discarded.emplace_back(order.index, order.attempt); }
};

struct FakeHistory : RunHistory {
  std::vector<store::JobRecord> of_jobs;
  std::vector<job::Artifact> of_artifacts;
  std::map<std::size_t, std::vector<store::HistoryEntry>> of_steps;
  std::vector<job::StopRequest> of_stops;

  Result<std::vector<store::JobRecord>> jobs() override { return of_jobs; }

  Result<std::vector<job::Artifact>> artifacts() override { return of_artifacts; }

  Result<std::vector<store::HistoryEntry>> steps(std::size_t job) override { return of_steps[job]; }

  Result<std::vector<job::StopRequest>> stops() override { return of_stops; }
};

struct FakeRecorder : Recorder {
  std::vector<store::RunChanges> all;
  Jobs workspaces;

  void add(store::RunChanges changes, Jobs of_jobs) override {
    all.push_back(std::move(changes));
    workspaces.insert(workspaces.end(), of_jobs.begin(), of_jobs.end());
  }

  Result<Jobs> finish() override { return std::exchange(workspaces, {}); }
};

/// What happens while the supervisor waits: what the test has said of this wait; else what the
/// saver has finished; else the end of the runner that was started first.
struct FakeEvents : Events {
  FakeEvents(FakeClock& its_clock, FakeRunners& its_runners, FakeSaver& its_saver)
      : clock(its_clock), runners(its_runners), saver(its_saver) {}

  FakeClock& clock;
  FakeRunners& runners;
  FakeSaver& saver;
  std::deque<std::function<Happened()>> steps;
  std::size_t waits = 0;

  Result<Happened> wait() override {
    ++waits;
    clock.pass();
    if (!steps.empty()) {
      const auto step = std::move(steps.front());
      steps.pop_front();
      return step();
    }
    Happened happened;
    if (happened.saved = std::exchange(saver.finished, {}); !happened.saved.empty())
      return happened;
    if (runners.started.empty())
      return fail(ErrorCode::internal, "the supervisor waits for nothing");
    happened.ended = {runners.started.front()};
    return happened;
  }
};

/// A run of such a plan, with everything beside it.
struct FakeRun {
  explicit FakeRun(plan::Plan plan, std::size_t parallel = 8) {
    order.plan = std::move(plan);
    order.plan.run_name = "quiet-otter-1";
    order.parallel = parallel;
    run.name = order.plan.run_name;
    run.workflows.resize(order.plan.workflows.size());
    history.of_stops.resize(order.plan.workflows.size(), job::StopRequest::none);
    for (std::size_t job = 0; job < order.plan.jobs.size(); ++job) {
      order.job_ids.push_back("job" + std::to_string(job));
      store::JobRecord record;
      record.index = job;
      record.workflow = order.plan.jobs[job].workflow;
      history.of_jobs.push_back(record);
    }
  }

  /// Until the run is over.
  Result<void> supervise() {
    const auto explain = [this](std::size_t job) { return explanations[job]; };
    const auto time = [this] { return clock.time; };
    return Supervisor(files::Home{"/nowhere"},
                      order,
                      run,
                      {runners, traces, leases, saver, history, recorder, events, time, explain})
        .run();
  }

  /// What happens at the first wait for which this was not said yet.
  void then(std::function<Happened()> step) { events.steps.push_back(std::move(step)); }

  void then_ends(Jobs jobs) {
    then([jobs = std::move(jobs)] {
      Happened happened;
      happened.ended = jobs;
      return happened;
    });
  }

  void then_comes(std::vector<std::string> mail) {
    then([mail = std::move(mail)] {
      Happened happened;
      happened.mail = mail;
      return happened;
    });
  }

  /// A user asks this of a workflow, and wakes the supervisor.
  void then_asks(std::size_t workflow, job::StopRequest request) {
    then([this, workflow, request] {
      history.of_stops[workflow] = request;
      Happened happened;
      happened.mail = {std::string(wake_message)};
      return happened;
    });
  }

  /// It is on record that another supervisor brought the job so far.
  void was(std::size_t job, job::Status status) { history.of_jobs[job].status = status; }

  std::vector<store::JobChange> changes_of(std::size_t job) const {
    std::vector<store::JobChange> changes;
    for (const store::RunChanges& change : recorder.all)
      for (const store::JobChange& step : change.jobs)
        if (step.job == job)
          changes.push_back(step);
    return changes;
  }

  /// The steps of a job that were recorded: "queued running done".
  std::string steps_of(std::size_t job) const {
    std::string text;
    for (const store::JobChange& change : changes_of(job))
      text += (text.empty() ? "" : " ") + std::string(job::render(change.status));
    return text;
  }

  store::JobChange last_of(std::size_t job) const {
    const auto changes = changes_of(job);
    return changes.empty() ? store::JobChange() : changes.back();
  }

  std::optional<job::Status> status() const {
    std::optional<job::Status> status;
    for (const store::RunChanges& change : recorder.all)
      if (change.status)
        status = change.status;
    return status;
  }

  FakeClock clock;
  FakeRunners runners{clock};
  FakeTraces traces;
  FakeLeases leases;
  FakeSaver saver;
  FakeHistory history;
  FakeRecorder recorder;
  FakeEvents events{clock, runners, saver};
  RunOrder order;
  store::RunRecord run;
  std::map<std::size_t, std::string> explanations;
};

}  // namespace dstack::run::test

#include "dstack/run/runner/watch.hpp"

#include "dstack/base/environment_variable.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/job/environment_names.hpp"
#include "dstack/job/stop_signal.hpp"
#include "dstack/run/runner/job_variables.hpp"
#include "dstack/run/runner/outcome.hpp"
#include "dstack/run/runner/usage.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>

#include <signal.h>

namespace dstack::run {

namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds between_looks_at_disk{500};

/// How long a known application may take until it answers; the variable is for tests.
std::chrono::milliseconds application_limit() {
  const auto set = environment_variable("DSTACK_APP_LIMIT");
  const auto limit = set ? parse_duration(*set) : std::nullopt;
  return limit.value_or(std::chrono::minutes(2));
}

}  // namespace

Watch::Watch(JobAttempt& attempt, const RunnerSignals& signals, RunningJob& job, ExitRecord& record)
    : attempt_(attempt), signals_(signals), job_(job), record_(record) {}

void Watch::run() {
  if (agent_role(attempt_.order.spec).empty())  // an agent reports itself when the job runs
    report(job::Status::running);
  while (!job_.process.gone())
    wait_and_handle();
  while (job_.output && move_output()) {
  }
  if (job_.oom.take())  // that may have ended the job
    report_oom_kill();
  record_end();
  take_reports();
  blame_port();
}

void Watch::wait_and_handle() {
  wait();
  if (polled_[1].revents != 0)
    move_output();
  report_full_disk();
  if (polled_[2].revents != 0)
    take_reports();
  if (polled_[3].revents != 0 && job_.oom.take())
    report_oom_kill();
  if (polled_[0].revents != 0)
    take_signals();
  ask_applications();
  look_at_disk();
  job_.metrics.look(attempt_, steady_clock::now());
  take_due_step();
}

void Watch::wait() {
  polled_ = {pollfd{signals_.fd(), POLLIN, 0},
             pollfd{job_.output.get(), POLLIN, 0},
             pollfd{job_.reports.fd(), POLLIN, 0},
             pollfd{job_.oom.fd(), POLLIN, 0}};
  applications_.add_to(polled_);
  if (::poll(polled_.data(), polled_.size(), milliseconds_to_next_step()) >= 0 || errno == EINTR)
    return;
  // The job goes on all the same: what cannot be waited for is looked at a moment later.
  const timespec moment{0, 100'000'000};
  ::nanosleep(&moment, nullptr);
  for (pollfd& polled : polled_)
    polled.revents = polled.fd >= 0 ? POLLIN : 0;
}

void Watch::report(job::Status status) {
  attempt_.states.report(status);
  const JobOrder& order = attempt_.order;
  if (status == job::Status::running && !order.spec.apps.empty())
    applications_ = Applications(order.spec,
                                 order.index,
                                 order.ports,
                                 variable(order.environment, order.spec.token),
                                 application_limit(),
                                 steady_clock::now(),
                                 variable(order.environment, std::string(job::job_folder_variable)),
                                 &attempt_.ports);
}

void Watch::ask_applications() {
  if (job_.timer.is_ending() || job_.process.status())
    applications_.stop_asking();
  if (applications_.settled())
    return;
  const JobOrder& order = attempt_.order;
  const bool is_secret = is_secret_variable(order, order.spec.token);
  for (const job::Application& app : applications_.step(steady_clock::now()))
    attempt_.states.report(
        is_secret ? without_secret(app, variable(order.environment, order.spec.token)) : app);
  if (applications_.stranger()) {
    record_.cause = job::Cause::port;
    record_.message = *applications_.stranger();
    stop();
  } else if (applications_.overdue()) {
    record_.cause = job::Cause::timeout;
    record_.message = *applications_.overdue();
    stop();
  }
}

void Watch::look_at_disk() {
  if (job_.timer.is_ending() || !job_.disk.exceeded(steady_clock::now()))
    return;
  record_.cause = job::Cause::disk;
  record_.message = disk_sentence(job_.disk.written(), attempt_.order.spec.resources.disk);
  stop();
}

void Watch::take_reports() {
  for (AgentReport& agent_report : job_.reports.take()) {
    if (agent_report.status)
      report(*agent_report.status);
    if (agent_report.killed_for_memory)
      report_oom_kill();
    record_report(record_, std::move(agent_report));
  }
}

bool Watch::move_output() {
  const auto moved = attempt_.log.writer().move_from(job_.output.get());
  if (!moved) {
    record_.warnings.push_back(render(moved.error()));
    job_.output.reset();
    return false;
  }
  if (*moved == LogWriter::Moved::end_of_pipe)
    job_.output.reset();
  return *moved == LogWriter::Moved::some;
}

void Watch::report_full_disk() {
  attempt_.log.writer().look_for_room();
  if (attempt_.log.writer().is_full() == reported_full_)
    return;
  reported_full_ = !reported_full_;
  attempt_.states.report(TroubleMessage::Kind::waits,
                         reported_full_ ? attempt_.log.writer().why_held_up() : "");
}

void Watch::report_oom_kill() {
  const auto said = attempt_.log.say(oom_kill_sentence(attempt_.order.spec.resources.memory));
  if (!said)
    record_.warnings.push_back(render(said.error()));
}

void Watch::take_signals() {
  while (const auto signal = signals_.take()) {
    const auto request = requested_stop(*signal, record_);
    if (!request)
      continue;
    record_.stop = *request;
    if (*request == job::StopRequest::abort)
      kill();
    else
      stop();
  }
  job_.process.reap();
}

void Watch::take_due_step() {
  if (job_.process.gone())
    return;
  switch (job_.timer.due(steady_clock::now(), job_.process.status().has_value())) {
    case StopTimer::Step::none:
      return;
    case StopTimer::Step::end_rest:
      job_.process.stop(SIGTERM);
      return job_.timer.rest_is_asked(steady_clock::now());
    case StopTimer::Step::time_out:
      record_.cause = job::Cause::timeout;
      record_.message = fmt::format("it took longer than its timeout of {}",
                                    render_duration(attempt_.order.spec.timeout));
      return stop();
    case StopTimer::Step::kill:
      return kill();
  }
}

void Watch::stop() {
  // An agent passes it on in its own way.
  const bool is_agent = !agent_role(attempt_.order.spec).empty();
  job_.process.stop(
      is_agent ? SIGTERM
               : job::stop_signal_number(attempt_.order.spec.stop_signal).value_or(SIGTERM));
  job_.timer.begin_grace(steady_clock::now());
}

void Watch::kill() {
  job_.timer.kill();
  job_.process.kill();
}

int Watch::milliseconds_to_next_step() const {
  const auto now = steady_clock::now();
  auto next = job_.timer.next(now);
  if (const auto look = job_.metrics.next_look(); !next || look < *next)
    next = look;
  if (const auto question = job_.timer.is_ending() ? std::nullopt : applications_.next_step())
    next = next ? std::min(*next, *question) : *question;
  if (const auto count = job_.timer.is_ending() ? std::nullopt : job_.disk.next())
    next = next ? std::min(*next, *count) : *count;
  if (const auto look = now + between_looks_at_disk;
      attempt_.log.writer().is_full() && (!next || look < *next))
    next = look;
  if (!next)
    return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - now);
  return static_cast<int>(std::clamp<long long>(left.count(), 0, 1'000'000));
}

void Watch::blame_port() {
  const bool has_other_cause = record_.cause && record_.cause != job::Cause::start;
  if (record_.stop != job::StopRequest::none || has_other_cause || ended_well(record_))
    return;
  std::string taken = attempt_.ports.taken();
  if (taken.empty())
    return;
  record_.message = std::move(taken);
  record_.cause = job::Cause::port;
}

void Watch::record_end() {
  record_exit(record_, job_.process.status());
  if (record_.stop == job::StopRequest::none && !record_.cause)
    if (const std::string sentence = applications_.unanswered(); !sentence.empty())
      record_.warnings.push_back(sentence);
  record_resources(record_, job_.limiter, job_.process.usage(), attempt_.order.spec, [this] {
    return attempt_.log.tail();
  });
  if (std::string dropped = attempt_.log.writer().describe_dropped(); !dropped.empty())
    record_.warnings.push_back(std::move(dropped));
}

}  // namespace dstack::run

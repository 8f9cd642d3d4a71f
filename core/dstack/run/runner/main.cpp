#include "dstack/run/runner/main.hpp"

#include "dstack/backend/local_process.hpp"
#include "dstack/base/fatal_exit.hpp"
#include "dstack/process/oom_score.hpp"
#include "dstack/run/protocol/exit_record.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/run/protocol/mailbox.hpp"
#include "dstack/run/protocol/order_socket.hpp"
#include "dstack/run/runner/conclusion.hpp"
#include "dstack/run/runner/job_attempt.hpp"
#include "dstack/run/runner/job_start.hpp"
#include "dstack/run/runner/layered_workspace.hpp"
#include "dstack/run/runner/order_queue.hpp"
#include "dstack/run/runner/preparation.hpp"
#include "dstack/run/runner/preparation_guard.hpp"
#include "dstack/run/runner/runner_signals.hpp"
#include "dstack/run/runner/watch.hpp"

#include <algorithm>

#include <fcntl.h>
#include <signal.h>

namespace dstack::run {

namespace {

Result<RunningJob> prepare_and_start(JobAttempt& attempt,
                                     const RunnerSignals& signals,
                                     ExitRecord& record) {
  using Looks = PreparationGuard::Looks;
  const bool is_short = is_plain(attempt.order) && has_little_to_lay_out(attempt.order);
  PreparationGuard guard(
      signals, attempt.order.stop_grace, is_short ? Looks::at_end : Looks::meanwhile);
  auto job = Preparation(attempt, record.warnings).run();
  record.stop = guard.finish();
  if (record.stop != job::StopRequest::none)
    return fail_stopped();
  if (!job)
    return Failure(std::move(job).error());
  if (const std::string taken = attempt.ports.taken(); !taken.empty()) {
    record.cause = job::Cause::port;
    return fail(ErrorCode::unavailable, "{}", taken);
  }
  return start_job(attempt, *std::move(job), record.started_at);
}

/// Whether nothing is left of a job, in this process or below it, that the next one could find.
bool left_nothing(const JobAttempt& attempt,
                  const RunnerSignals& signals,
                  const RunningJob* job,
                  const ExitRecord& record) {
  const bool is_usual = record.stop == job::StopRequest::none && !record.cause && !attempt.in;
  if (job == nullptr || !job->process.gone() || !is_usual)
    return false;
  while (const auto signal = signals.take())
    if (*signal != SIGCHLD)
      return false;
  return true;
}

/// The code with which it ends when it cannot tell anybody why it could not work.
int exit_code_of(const Error& why) {
  return why.number > 0 && why.number < runner_without_words ? why.number : runner_without_words;
}

/// Whether this process may carry out another order. An error: it could not begin, and not even say
/// so.
Result<bool> run_job(JobOrder order, const RunnerSignals& signals) {
  ExitRecord record;
  record.started_at = now();
  PortOwners ports = PortOwners::of(order);
  auto in = enter_namespace(order);
  backend::LocalProcess::adopt_orphans();
  TroubleMessage trouble{order.index, order.attempt, TroubleMessage::Kind::gives_up};
  const Path run_folder = files::Home{order.home}.run(order.run);
  auto attempt = open_attempt(std::move(order));
  if (!attempt) {
    trouble.text = render(attempt.error());
    if (!post(run_folder, render(trouble)))
      return Failure(std::move(attempt).error());
    return false;
  }
  attempt->in = std::move(in);
  attempt->ports = std::move(ports);
  auto job = prepare_and_start(*attempt, signals, record);
  if (job) {
    Watch(*attempt, signals, *job, record).run();
  } else {
    record.outcome = ExitRecord::Outcome::not_started;
    record.message = render(job.error());
  }
  Conclusion(*attempt, signals, job ? &*job : nullptr, record).run();
  return left_nothing(*attempt, signals, job ? &*job : nullptr, record);
}

/// For who looks at the list of processes: which job it is that this one carries out now.
void show_job(std::span<char> shown, const JobOrder& order) {
  const std::string name = job_of_runner(order.run, order.index);
  std::fill(shown.begin(), shown.end(), ' ');
  std::copy_n(name.begin(), std::min(name.size(), shown.size()), shown.begin());
}

/// Takes plain orders from a socket, until something stays of a job or none comes.
int carry_out_orders(Fd socket, std::span<char> shown) {
  const auto signals = RunnerSignals::open();
  if (!signals)
    return exit_code_of(signals.error());
  const OrderQueue orders(std::move(socket), *signals);
  for (;;) {
    auto next = orders.next();
    if (!next)
      return exit_code_of(next.error());
    std::optional<GivenOrder>& given = *next;
    if (!given)
      return 0;
    show_job(shown, given->order);
    const auto ready = run_job(std::move(given->order), *signals);
    if (!ready)
      return exit_code_of(ready.error());
    if (!*ready)
      return 0;
    report_fatal_exit_in("");  // what fails from here on is not that job's
    given->lock.reset();
    if (!orders.say_ready())
      return 0;
  }
}

/// The order that it was started with, the only one.
int carry_out_order() {
  const auto text = take_order();
  if (!text)
    return exit_code_of(text.error());
  auto order = parse_job_order(*text);
  if (!order)
    return exit_code_of(order.error());
  // The job's lock, its lease and its ports, handed over by the supervisor: held until this
  // process ends, and never by the job.
  const int ports = static_cast<int>(order->ports.size());
  ::fcntl(runner_lock_fd, F_SETFD, FD_CLOEXEC);
  ::fcntl(runner_lease_fd, F_SETFD, FD_CLOEXEC);
  for (int fd = runner_ports_fd; fd < runner_ports_fd + ports; ++fd)
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  const auto signals = RunnerSignals::open();
  if (!signals)
    return exit_code_of(signals.error());
  const auto done = run_job(*std::move(order), *signals);
  return done ? 0 : exit_code_of(done.error());
}

}  // namespace

int runner_main(std::span<char> job) {
  exit_with_error_numbers(runner_without_words);
  process::leave_to_oom_killer();  // the supervisor is spared, and no job inherits that
  auto socket = take_order_socket();
  if (!socket)
    return exit_code_of(socket.error());
  return *socket ? carry_out_orders(**std::move(socket), job) : carry_out_order();
}

}  // namespace dstack::run

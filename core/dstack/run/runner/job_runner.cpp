#include "dstack/run/runner/job_runner.hpp"

#include "dstack/base/fatal_exit.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/protocol/job_log.hpp"
#include "dstack/run/protocol/mailbox.hpp"
#include "dstack/run/runner/job_secrets.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace dstack::run {

namespace {

using std::chrono::steady_clock;

constexpr auto removal_of_container = std::chrono::seconds(20);

/// TERM asks for a graceful stop, USR1 for an abort; both are read as events, like the end of a
/// child.
Fd signals_as_events() {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int number : {SIGCHLD, SIGTERM, SIGUSR1, SIGINT, SIGHUP})
    sigaddset(&wanted, number);
  ::sigprocmask(SIG_SETMASK, &wanted, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return Fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
}

}  // namespace

JobRunner::JobRunner(JobOrder order)
    : order_(std::move(order)),
      home_{order_.home},
      folder_(attempt_folder(home_, order_.run, order_.index, order_.attempt)),
      workspace_(workspace_of(home_, folder_, order_.project, order_.spec)) {}

int JobRunner::run() {
  record_.started_at = now();
  if (auto ready = begin(); !ready)
    return 1;  // nothing can be written here: the supervisor sees a runner without a record
  if (auto result = prepare_and_start(); !result) {
    record_.outcome = ExitRecord::Outcome::not_started;
    record_.message = render(result.error());
  } else {
    watch();
  }
  finish();
  return 0;
}

Result<void> JobRunner::begin() {
  backend::LocalProcess::adopt_orphans();
  events_ = signals_as_events();
  DSTACK_CHECK(make_folders(folder_));
  DSTACK_CHECK(write_file_atomically(folder_ / file_names::runner,
                                     process::render(*process::identity_of(::getpid())),
                                     Durable::no,
                                     0600));
  DSTACK_TRY(
      states_,
      open_file((folder_ / file_names::states).string(), O_WRONLY | O_CREAT | O_APPEND, 0600));
  DSTACK_TRY(auto log, LogWriter::open(home_.job(order_.run, order_.index)));
  log_ = std::make_unique<LogWriter>(std::move(log));
  report_fatal_exit_in((home_.job(order_.run, order_.index) / file_names::log).string());
  return order_.attempt > 1 ? announce_attempt() : Result<void>();
}

Result<void> JobRunner::announce_attempt() {
  DSTACK_CHECK(
      say("attempt " + std::to_string(order_.attempt) + " of " + std::to_string(order_.attempts)));
  log_begin_ = JobLog(home_.job(order_.run, order_.index)).size();
  return {};
}

Result<void> JobRunner::say(const std::string& sentence) {
  const auto end = JobLog(home_.job(order_.run, order_.index)).read_end(1);
  const bool begins_a_line = end && (end->empty() || *end == "\n");
  DSTACK_TRY(const Fd log, log_->append_descriptor());
  DSTACK_CHECK(
      write_all(log.get(), std::string(begins_a_line ? "" : "\n") + "dstack: " + sentence + "\n"));
  return log_->continue_at_end();
}

void JobRunner::tell(job::Status status) {
  tell(render(StateMessage{order_.index, status, now(), order_.attempt}));
  if (status == job::Status::running && !order_.spec.apps.empty())
    apps_ = Applications(order_.spec,
                         order_.index,
                         order_.ports,
                         variable(order_.spec.token),
                         app_limit(),
                         steady_clock::now());
}

void JobRunner::tell(const std::string& text) {
  (void)write_all(states_.get(), text + "\n");
  post(home_.run(order_.run), text);
}

void JobRunner::watch() {
  std::vector<pollfd> polled;
  while (!process_->gone()) {
    polled = {pollfd{events_.get(), POLLIN, 0},
              pollfd{output_.get(), POLLIN, 0},
              pollfd{reports_.fd(), POLLIN, 0},
              pollfd{oom_.fd(), POLLIN, 0}};
    apps_.add_to(polled);
    if (::poll(polled.data(), polled.size(), milliseconds_to_next_step()) < 0 && errno != EINTR)
      break;
    if (polled[1].revents != 0)
      move_output();
    if (polled[2].revents != 0)
      take_reports();
    if (polled[3].revents != 0 && oom_.take())
      tell_of_killed();
    if (polled[0].revents != 0)
      take_signals();
    ask_apps();
    end_what_is_left();
  }
  while (output_ && move_output()) {
  }
  if (oom_.take())  // it may have been the job's end
    tell_of_killed();
  note_end();
  take_reports();
}

void JobRunner::ask_apps() {
  if (kill_at_ || killing_ || process_->status())
    apps_.stop_asking();
  if (apps_.settled())
    return;
  for (const job::Application& app : apps_.step(steady_clock::now()))
    tell(render(without_secret(app)));
  if (!apps_.overdue())
    return;
  record_.cause = job::Cause::timeout;
  record_.message = *apps_.overdue();
  terminate();
}

job::Application JobRunner::without_secret(job::Application app) const {
  const std::string& token = order_.spec.token;
  if (!is_secret_variable(order_, token))
    return app;
  const std::string value = variable(token);
  if (const std::size_t at = value.empty() ? std::string::npos : app.url.rfind(value);
      at != std::string::npos)
    app.url.replace(at, value.size(), secrets::mask);
  if (!app.password.empty())
    app.password = secrets::mask;
  return app;
}

void JobRunner::take_reports() {
  for (AgentReport& report : reports_.take()) {
    if (report.status)
      tell(*report.status);
    if (report.cause) {
      if (*report.cause != job::Cause::exit)  // that one the process itself says, or its signal
        record_.cause = report.cause;
      record_.message = std::move(report.message);
    }
    if (report.usage)
      record_.usage = *report.usage;
    if (report.killed_for_memory)
      tell_of_killed();
    if (!report.warning.empty())
      record_.warnings.push_back(std::move(report.warning));
  }
  if (record_.cause == job::Cause::start)
    record_.outcome = ExitRecord::Outcome::not_started;
}

bool JobRunner::move_output() {
  const auto moved = log_->move_from(output_.get());
  if (!moved) {
    record_.warnings.push_back(render(moved.error()));
    output_.reset();
    return false;
  }
  if (*moved == LogWriter::Moved::end_of_pipe)
    output_.reset();
  return *moved == LogWriter::Moved::some;
}

void JobRunner::tell_of_killed() {
  const std::uint64_t limit = order_.spec.resources.memory;
  const std::string why =
      limit == 0 ? "the machine's memory was used up"
                 : "the " + render_size(limit) +
                       " of memory that it asked for were used up; --memory gives it more";
  const auto said = say("a process of the job was killed because " + why);
  if (!said)
    record_.warnings.push_back(render(said.error()));
}

void JobRunner::take_signals() {
  signalfd_siginfo signal{};
  while (::read(events_.get(), &signal, sizeof signal) == static_cast<ssize_t>(sizeof signal)) {
    if (signal.ssi_signo == SIGUSR1) {
      record_.stop = job::StopRequest::abort;
      kill_now();
    } else if (signal.ssi_signo != SIGCHLD && record_.stop == job::StopRequest::none &&
               record_.cause != job::Cause::timeout) {
      record_.stop = job::StopRequest::stop;
      terminate();
    }
  }
  process_->reap();
}

void JobRunner::terminate() {
  process_->signal_all(SIGTERM);
  kill_at_ = steady_clock::now() + order_.stop_grace;
  // Its agent keeps to the grace itself, and then has a container to remove.
  if (order_.spec.container)
    *kill_at_ += removal_of_container;
}

void JobRunner::kill_now() {
  killing_ = true;
  process_->signal_all(SIGKILL);
}

void JobRunner::end_for_its_timeout() {
  record_.cause = job::Cause::timeout;
  record_.message = "it took longer than its timeout of " + render_duration(order_.spec.timeout);
  terminate();
}

void JobRunner::end_what_is_left() {
  if (process_->gone())
    return;
  if (killing_ || (kill_at_ && steady_clock::now() >= *kill_at_))
    kill_now();
  else if (process_->status() && !kill_at_)
    terminate();
  else if (too_late_at_ && !kill_at_ && steady_clock::now() >= *too_late_at_)
    end_for_its_timeout();
}

int JobRunner::milliseconds_to_next_step() const {
  if (killing_)
    return 10;  // until none is left: a killed process may have started one more meanwhile
  auto next = kill_at_ ? kill_at_ : too_late_at_;
  if (const auto question = kill_at_ ? std::nullopt : apps_.next_step())
    next = next ? std::min(*next, *question) : *question;
  if (!next)
    return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - steady_clock::now());
  return static_cast<int>(std::clamp<long long>(left.count(), 0, 1'000'000));
}

std::string JobRunner::variable(const std::string& name) const {
  for (const auto& [key, value] : order_.environment)
    if (key == name)
      return value;
  return {};
}

}  // namespace dstack::run

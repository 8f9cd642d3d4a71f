#include "dstack/run/agents/native.hpp"

#include "dstack/job/job_spec.hpp"
#include "dstack/job/status.hpp"
#include "dstack/process/memory_access.hpp"
#include "dstack/provider/host/native_job.hpp"
#include "dstack/run/protocol/agent.hpp"
#include "dstack/run/protocol/job_order.hpp"

#include <atomic>
#include <cstdio>

#include <signal.h>
#include <unistd.h>

namespace dstack::run {

namespace {

std::atomic<bool> stop_requested = false;
static_assert(std::atomic<bool>::is_always_lock_free);

/// Without SA_RESTART: a function that sleeps or reads is interrupted.
void handle_stop_signals() {
  struct sigaction action {};

  action.sa_handler = [](int) { stop_requested = true; };
  sigemptyset(&action.sa_mask);
  for (const int number : {SIGTERM, SIGINT, SIGHUP})
    ::sigaction(number, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

/// Without exit(): destructors of a library are not needed any more, and might fail.
[[noreturn]] void end(int code) {
  std::fflush(nullptr);
  ::_exit(code);
}

}  // namespace

int native_main() {
  handle_stop_signals();
  process::disable_core_dumps();
  const AgentReporter reporter;
  // On a pipe, standard output would be buffered, and lines would arrive late.
  ::setvbuf(stdout, nullptr, _IOLBF, 0);
  const auto text = take_order();
  const auto order = text ? parse_agent_order(*text) : Result<AgentOrder>(Failure(text.error()));
  if (!order) {
    reporter.end(job::Cause::start, render(order.error()));
    end(1);
  }
  reporter.status(job::Status::running);
  const job::JobSpec& spec = order->job.spec;
  const auto ended =
      provider::run_native_job(order->job.provider, spec.native, STDOUT_FILENO, stop_requested);
  if (!ended) {
    reporter.end(job::Cause::start,
                 fmt::format("provider '{}' {}", order->job.provider, render(ended.error())));
    end(1);
  }
  for (const std::string& warning : ended->warnings)
    reporter.warning(warning);
  if (!ended->message.empty())
    reporter.end(job::Cause::exit, ended->message);
  end(ended->exit_code);
}

}  // namespace dstack::run

#include "dstack/run/agents/container_agent.hpp"

#include "dstack/base/event.hpp"
#include "dstack/base/patience.hpp"
#include "dstack/base/thread.hpp"
#include "dstack/process/memory_access.hpp"
#include "dstack/run/agents/container_job.hpp"
#include "dstack/run/protocol/job_order.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace dstack::run {

namespace {

using std::chrono::steady_clock;

/// The signals that ask for a stop, as events; blocked for the rest of the process. Where they
/// cannot be events they end it, and the container is removed by whoever asked.
Fd stop_signals() {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int number : {SIGTERM, SIGINT, SIGHUP})
    sigaddset(&wanted, number);
  ::sigprocmask(SIG_BLOCK, &wanted, nullptr);
  auto events = with_patience([&]() -> Result<Fd> {
    Fd fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
    return fd ? Result<Fd>(std::move(fd)) : fail_errno("cannot wait for signals");
  });
  if (events)
    return *std::move(events);
  ::sigprocmask(SIG_UNBLOCK, &wanted, nullptr);
  return {};
}

/// The main thread. Another thread runs the container; this one waits for its end, for a stop,
/// and for its processes to be killed for lack of memory.
class ContainerAgent {
 public:
  explicit ContainerAgent(AgentOrder order)
      : grace_(order.job.stop_grace), job_(std::move(order)), signals_(stop_signals()) {}

  AgentExit run() {
    AgentExit exit;
    if (auto made = make_events(); !made)
      return job_.fail_to_start(made.error());
    auto worker = start_thread([this, &exit] {
      exit = job_.run([this] { started_.set(); });
      done_.set();
    });
    if (!worker)
      return job_.fail_to_start(worker.error());
    while (wait_and_handle()) {
    }
    worker->join();
    return exit;
  }

 private:
  /// False when the container has ended.
  bool wait_and_handle() {
    std::array<pollfd, 4> polled = {pollfd{done_.fd(), POLLIN, 0},
                                    pollfd{signals_.get(), POLLIN, 0},
                                    pollfd{started_.fd(), POLLIN, 0},
                                    pollfd{oom_.fd(), POLLIN, 0}};
    const int events = ::poll(polled.data(), polled.size(), milliseconds_to_kill());
    if (events == 0)
      kill();
    if (events <= 0)
      return true;
    if (polled[0].revents != 0)
      return false;
    if (polled[1].revents != 0)
      stop();
    if (polled[2].revents != 0)
      watch_memory();
    if (polled[3].revents != 0 && oom_.take())
      job_.report_oom_kill();
    return true;
  }

  Result<void> make_events() {
    DSTACK_TRY(started_, Event::make());
    DSTACK_TRY(done_, Event::make());
    return {};
  }

  void watch_memory() {
    (void)started_.take();
    oom_ = job_.watch_memory();
    if (oom_.take())  // between the start and now
      job_.report_oom_kill();
  }

  void stop() {
    signalfd_siginfo signal{};
    while (::read(signals_.get(), &signal, sizeof signal) == static_cast<ssize_t>(sizeof signal)) {
    }
    if (job_.stop())
      kill_at_ = steady_clock::now() + grace_;
  }

  void kill() {
    job_.kill();
    kill_at_.reset();
  }

  int milliseconds_to_kill() const {
    if (!kill_at_)
      return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*kill_at_ - steady_clock::now());
    return static_cast<int>(std::max<long long>(0, left.count()));
  }

  std::chrono::milliseconds grace_;
  ContainerJob job_;
  Event started_;
  Event done_;
  Fd signals_;
  resources::OomEvents oom_;
  std::optional<steady_clock::time_point> kill_at_;
};

/// Ends as the job did, without a core file of its own.
[[noreturn]] void end_by(int number) {
  const rlimit none = {0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::signal(number, SIG_DFL);
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_UNBLOCK, &all, nullptr);
  ::raise(number);
  ::_exit(128 + number);
}

}  // namespace

int container_main() {
  process::disable_core_dumps();
  ::signal(SIGPIPE, SIG_IGN);
  const auto text = take_order();
  if (!text)
    return agent_failed.code;
  auto order = parse_agent_order(*text);
  if (!order || !order->job.spec.container)
    return agent_failed.code;
  const AgentExit exit = ContainerAgent(*std::move(order)).run();
  if (exit.signal != 0)
    end_by(exit.signal);
  return exit.code;
}

}  // namespace dstack::run

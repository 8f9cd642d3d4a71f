// The container of one job, from its image to its removal. It is run on a thread of its own, and
// stopped from another.
#pragma once

#include "dstack/backend/container.hpp"
#include "dstack/resources/oom_events.hpp"
#include "dstack/run/agents/container_outcome.hpp"
#include "dstack/run/agents/container_preparation.hpp"
#include "dstack/run/protocol/agent.hpp"

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

namespace dstack::run {

class ContainerJob {
 public:
  explicit ContainerJob(AgentOrder order);

  // --- For the thread that runs it ---

  /// Returns when the container has ended and is removed; its output goes to standard output.
  /// `on_started` is called once the job runs.
  AgentExit run(const std::function<void()>& on_started);
  /// Removes what exists already, and reports that nothing of the job has run.
  AgentExit fail_to_start(const Error& error) const;

  // --- For any thread ---

  /// Asks the job to stop: false when it was asked before. Where it does not run yet, this ends the
  /// process.
  bool stop();
  /// After `on_started` alone.
  void kill() const;
  resources::OomEvents watch_memory() const;
  /// Reports it once, however often it is called; the runner writes it into the log.
  void report_oom_kill();

 private:
  Result<void> start(const backend::Engine& engine);
  /// Not to be interrupted by a stop.
  Result<void> create_and_start(const backend::Engine& engine);
  void send(const AgentReport& report);
  /// Waits for an engine that is being restarted. The runner reports what is left after that.
  void clean_up() const;

  AgentOrder order_;
  Path folder_;  ///< the attempt's
  AgentReporter reporter_;
  std::atomic<bool> oom_kill_reported_ = false;
  PreparedContainer prepared_;  ///< of the thread that runs it
  std::timed_mutex starting_;   ///< held while the container is being created; guards what follows
  bool stopped_ = false;
  bool running_ = false;
  std::optional<backend::Container> container_;  ///< constant once running_
};

}  // namespace dstack::run

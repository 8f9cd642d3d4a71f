// One job from its order to its exit record: lays out the workspace, makes the environment, starts
// the job, watches it, and says how it ended.
#pragma once

#include "dstack/backend/local_process.hpp"
#include "dstack/files/home.hpp"
#include "dstack/job/application.hpp"
#include "dstack/job/status.hpp"
#include "dstack/resources/limits.hpp"
#include "dstack/run/protocol/agent.hpp"
#include "dstack/run/protocol/exit_record.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/run/protocol/workspace.hpp"
#include "dstack/run/runner/applications.hpp"
#include "dstack/run/runner/log_writer.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dstack::run {

/// For the only thread of the runner.
class JobRunner {
 public:
  explicit JobRunner(JobOrder order);

  /// Returns the exit code of the process.
  int run();

 private:
  Result<void> begin();
  /// The log of the attempts before goes on.
  Result<void> announce_attempt();
  /// A line of ours in the log, between those of the job.
  Result<void> say(const std::string& sentence);
  /// A state is on disk before anybody hears of it.
  void tell(job::Status status);
  void tell(const std::string& text);
  /// Until the job's own process and everything it started are gone.
  void watch();
  /// Nobody asks an application that is on its way out.
  void ask_apps();
  /// Where the user has made a secret of what an application knows its user by, its address is told
  /// without it.
  job::Application without_secret(job::Application app) const;
  /// What an agent tells of the job. Nothing has run of one that it could not start.
  void take_reports();
  /// True when something was moved.
  bool move_output();
  /// A job may go on for ever without what was killed of it.
  void tell_of_killed();
  void take_signals();
  void terminate();
  void kill_now();
  void end_for_its_timeout();
  /// A job is over when its own process is; what it left running is ended like a job that is
  /// stopped.
  void end_what_is_left();
  int milliseconds_to_next_step() const;
  /// Of the job's environment; empty where it is not there.
  std::string variable(const std::string& name) const;

  // --- The start (job_runner_start.cpp) ---

  Result<void> prepare_and_start();
  Result<void> take_secrets();
  Result<void> prepare_python();
  /// Another name for the environment's list, which never changes: nothing is written.
  Result<void> record_packages(const Path& list) const;
  /// The provider finds the program in a variable named after it.
  Result<void> prepare_tool(const std::string& wanted);
  /// A secret unless the user has set one, and a folder for what the application keeps for itself.
  Result<void> prepare_apps();
  /// How long a known application may take until it answers; the variable is for tests.
  static std::chrono::milliseconds app_limit();
  /// The making of environments sees what the supervisor inherited from the caller.
  Result<void> start(const Path& working_dir);
  /// The job's environment is for the inside; the engine is found by what the caller had. The
  /// job's id stays: whatever carries it is found and killed when this runner is.
  std::vector<std::pair<std::string, std::string>> environment_of_container_agent() const;
  /// Commands are one script for bash, which stops at the first that fails. A program with a set-up
  /// is the last command of that script, and keeps the process.
  Result<std::vector<std::string>> arguments() const;

  // --- The end (job_runner_end.cpp) ---

  void note_end();
  /// Of what this attempt wrote.
  std::string log_tail() const;
  /// Whether the supervisor will save what the job leaves.
  bool saves_artifacts() const;
  /// Artifacts stay as they are; what is found in them is told. An abort saves nothing, and so does
  /// not wait for it.
  void look_through_artifacts();
  /// A job that is over cannot be stopped any more, only be thrown away.
  bool is_abort_asked() const;
  void finish();

  JobOrder order_;
  files::Home home_;
  Path folder_;
  std::unique_ptr<Workspace> workspace_;
  ExitRecord record_;
  std::vector<std::string> shared_folders_;
  std::vector<std::string> secret_names_;  ///< of the values that the log hides, in their order
  std::int64_t workspace_made_at_ = 0;     ///< nanoseconds since 1970, by the clock of files
  std::unique_ptr<LogWriter> log_;
  std::uint64_t log_begin_ = 0;  ///< where this attempt's begins
  std::unique_ptr<backend::LocalProcess> process_;
  resources::Limiter limiter_;
  resources::OomEvents oom_;
  Fd events_;
  Fd output_;
  AgentReports reports_;
  Applications apps_;
  Fd states_;
  std::optional<std::chrono::steady_clock::time_point> too_late_at_;
  std::optional<std::chrono::steady_clock::time_point> kill_at_;
  bool killing_ = false;
};

}  // namespace dstack::run

// A job that is more than a program of the user's, such as a function of a provider, runs as an
// agent: this program in another role, a child of the runner. To the runner an agent is the job's
// own process: its output is the log, TERM asks it to stop gracefully, its exit code or signal is
// the job's. What an exit code cannot say, it reports on a pipe: one JSON object a line, which both
// ends below render and parse.
#pragma once

#include "dstack/job/job_spec.hpp"
#include "dstack/job/status.hpp"
#include "dstack/job/usage.hpp"
#include "dstack/run/protocol/job_order.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::run {

/// The descriptor on which an agent reports.
inline constexpr int agent_report_fd = 3;

/// The role that runs such a job, the first argument of this program: "native" or
/// "container". Empty: the job needs no agent.
std::string_view agent_role(const job::JobSpec& spec);

/// The order of an agent, on descriptor 0. Its environment and its working directory are the job's
/// already.
struct AgentOrder {
  JobOrder job;
  std::string workspace;        ///< absolute path of the folder that holds the project's files
  std::vector<int> cores = {};  ///< the processors that are the job's own; empty: there are none
};

void to_json(Json& json, const AgentOrder& order);
/// What an older version wrote has the job's order as a text.
void from_json(const Json& json, AgentOrder& order);
std::string render_agent_order(const AgentOrder& order);
Result<AgentOrder> parse_agent_order(std::string_view text);

/// One report; what is not set is not reported.
struct AgentReport {
  std::optional<job::Status> status;  ///< preparing, then running
  /// Why the job is about to fail: `exit`, `oom` or `start` (nothing of the job has run).
  std::optional<job::Cause> cause;
  std::string message;  ///< with a cause: one sentence, which becomes the reason of the job
  std::string warning;  ///< one sentence, kept with the job whatever its end
  std::optional<job::Usage> usage;  ///< of processes that are not children of the runner
  bool killed_for_memory = false;   ///< a process of the job was, and the job may go on

  bool operator==(const AgentReport&) const = default;
};

void to_json(Json& json, const AgentReport& report);
void from_json(const Json& json, AgentReport& report);
std::string render_agent_report(const AgentReport& report);
/// Nothing when it is not a report, or has a status or a cause that an agent may not report.
std::optional<AgentReport> parse_agent_report(std::string_view line);

/// The agent's end. Reports are written at once; a reader that is gone is not an error. May be
/// used by several threads.
class AgentReporter {
 public:
  /// Takes over descriptor `fd`, and keeps it from whatever the agent starts.
  explicit AgentReporter(int fd = agent_report_fd);

  void status(job::Status status) const;
  void end(job::Cause cause, std::string message) const;
  void warning(std::string message) const;
  void usage(const job::Usage& usage) const;
  void killed_for_memory() const;

 private:
  void send(const AgentReport& report) const;

  Fd pipe_;
};

/// The runner's end.
class AgentReports {
 public:
  AgentReports() = default;
  explicit AgentReports(Fd pipe);

  /// For poll(); -1, which poll() passes over, once the agent has closed its end.
  int fd() const { return pipe_.get(); }

  /// What has arrived since the last call. Never blocks.
  std::vector<AgentReport> take();

 private:
  Fd pipe_;
  std::string rest_;  ///< of a line that has not ended yet
};

}  // namespace dstack::run

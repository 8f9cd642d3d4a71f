// What a supervisor and an exec wrapper are told. Values with a JSON form; no behaviour.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/config/on_end.hpp"
#include "dstack/plan/plan.hpp"
#include "dstack/resources/machine.hpp"
#include "dstack/store/objects.hpp"
#include "dstack/store/records.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace dstack::run {

/// Everything a supervisor needs, kept whole with the run's record: a later supervisor of the same
/// run starts from the same order.
struct RunOrder {
  plan::Plan plan;
  std::size_t parallel = 1;  ///< jobs at a time
  std::chrono::milliseconds stop_grace{10'000};
  std::vector<std::string> job_ids;  ///< by job
  store::CodeRecord code;
  std::vector<config::Receiver> on_end;  ///< as the settings were; without places
  /// What there was when the run began; nothing when none of its jobs asks for resources.
  std::optional<resources::Machine> machine;
};

/// What a wrapper needs for its one job.
struct JobOrder {
  std::string home;
  std::string run;
  std::size_t index = 0;
  std::size_t attempt = 1;   ///< the first is 1,
  std::size_t attempts = 1;  ///< the last, when all of them fail
  std::string project;       ///< real path of the user's folder
  std::string provider;      ///< path of the provider's library
  provider::JobSpec spec;
  std::vector<std::pair<std::string, std::string>> environment;  ///< complete, one entry a name
  /// References to secrets (config/secret_reference.hpp) stand in the values of these variables,
  /// and
  std::vector<std::string> secret_variables;
  /// those to these in the parts of the spec that nothing shows. job_secrets.hpp puts values there.
  std::vector<std::string> secrets;
  /// Reserved for this job (run/ports.hpp); the environment has them, too. The wrapper gets the
  /// reservations as descriptors and holds them for life.
  std::vector<std::uint16_t> ports;
  store::TreeReference code;
  std::vector<store::TreeReference> inputs;        ///< laid over the code in this order
  std::optional<environment::Interpreter> python;  ///< for what the spec asks of Python
  std::chrono::milliseconds stop_grace{10'000};

  bool operator==(const JobOrder&) const = default;
};

std::string render_run_order(const RunOrder& order);
Result<RunOrder> parse_run_order(std::string_view text);
/// That of a run on record.
Result<RunOrder> read_run_order(store::Records& records, const store::RunRecord& run);
std::string render_job_order(const JobOrder& order);
Result<JobOrder> parse_job_order(std::string_view text);

/// An order travels to the process that carries it out as a file in memory, its descriptor 0.
Result<Fd> hand_over_order(std::string_view text);
/// The other end: reads the order, and leaves an empty standard input behind.
Result<std::string> take_order();

/// What was found in one of the artifacts of a job.
struct ExposedArtifact {
  std::string path;  ///< the artifact's own
  store::Exposure exposure;

  bool operator==(const ExposedArtifact&) const = default;
};

/// How a job ended, as its wrapper found it; `exit.json` in the job's folder. It is there, whole
/// and durable, before the wrapper ends; a wrapper that ended without one was killed.
struct ExitRecord {
  enum class Outcome { exited, signaled, not_started };

  Outcome outcome = Outcome::exited;
  int number = 0;                                      ///< exit code or signal
  store::StopRequest stop = store::StopRequest::none;  ///< it was asked to end
  /// Said where number and outcome do not say it: `oom`.
  std::optional<store::Cause> cause;
  std::string message;  ///< for people: why it could not start, or did not end well
  std::vector<std::string> warnings;
  store::Usage usage;
  std::vector<ExposedArtifact> exposed;  ///< those that hold secrets of the job
  bool edited = false;  ///< something in the workspace changed beside the artifacts
  Timestamp started_at;
  Timestamp finished_at;

  bool operator==(const ExitRecord&) const = default;
};

/// What is known of it, by name.
Json usage_to_json(const store::Usage& usage);
store::Usage usage_from_json(const Json& json);

std::string render_exit_record(const ExitRecord& record);
Result<ExitRecord> parse_exit_record(std::string_view text);

/// The folder of one attempt of a job. The first has the job's own; what a later one leaves never
/// stands where that of an earlier stood.
Path attempt_folder(const store::Home& home,
                    const std::string& run,
                    std::size_t job,
                    std::size_t attempt);

namespace files {
/// Names in a job's folder (store::Home::job): one log for all attempts.
inline constexpr const char* log = "log";
inline constexpr const char* log_times = "log.times";
inline constexpr const char* packages = "packages";  ///< of its Python environment, a line each
/// In the folder of each attempt.
inline constexpr const char* exit_record = "exit.json";
inline constexpr const char* workspace = "workspace";
/// What a job's container is known by, as long as there is one (backend/container.hpp).
inline constexpr const char* container = "container";
/// The pipe through which a container gets its secrets, until it has them.
inline constexpr const char* secrets = "secrets";
/// What the job's applications keep for themselves: DSTACK_JOB_DIR, while the job lasts.
inline constexpr const char* private_folder = "private";
inline constexpr const char* wrapper = "wrapper";  ///< identity of the wrapper, its first act
inline constexpr const char* lock = "lock";  ///< held from before the wrapper starts until it ends
inline constexpr const char* states = "states";  ///< a line for each state the wrapper went through
inline constexpr const char* ports = "ports";    ///< their numbers, of a job that has some
/// In a run's folder.
inline constexpr const char* run_lock = "run.lock";  ///< held by the supervisor; holds its identity
/// Grows by a line with each recorded change: the numbers of its jobs, or `all_jobs`.
inline constexpr const char* changes = "changes";
inline constexpr const char* supervisor_log = "supervisor.log";
}  // namespace files

inline constexpr std::string_view all_jobs = "all";

}  // namespace dstack::run

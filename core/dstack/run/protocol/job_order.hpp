// The order of the runner of one job: a value with a JSON form; no behaviour.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/job/input_file.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/job/run_clock.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/python/python.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dstack::run {

/// What a runner needs for its one job.
struct JobOrder {
  std::string home;
  std::string run;
  std::string id;  ///< of the job, the same for all its attempts
  std::size_t index = 0;
  std::size_t attempt = 1;   ///< the first is 1,
  std::size_t attempts = 1;  ///< the last, when all of them fail
  std::string project;       ///< real path of the user's folder,
  std::string place;         ///< and where it is in its code, from the code's root; mostly empty
  std::string provider;      ///< path of the provider's library
  job::JobSpec spec;
  std::vector<std::pair<std::string, std::string>> environment;  ///< complete, one entry a name
  /// The values of these variables contain references to secrets
  /// (config/project/secret_reference.hpp),
  std::vector<std::string> secret_variables;
  /// and the parts of the spec that are never shown contain references to these. job_secrets.hpp
  /// resolves them.
  std::vector<std::string> secrets;
  /// The values of these variables are in files of variables, the later wins; the texts of the
  /// files are sealed at `env_texts` (secrets/sealed_file.hpp), a JSON map from digest to text.
  std::vector<std::string> env_variables;
  std::vector<job::EnvFile> env_files;
  std::string env_texts;  ///< absolute path; empty: there are no such files
  /// Reserved for this job (supervisor/ports.hpp); the environment has them, too. The runner gets
  /// the reservations as descriptors and holds them for life.
  std::vector<std::uint16_t> ports;
  /// Ids of the GPUs that the job was given (resources/machine.hpp); the environment has them,
  /// too.
  std::vector<std::string> gpus;
  job::TreeReference code;
  std::vector<job::TreeReference> input_files;  ///< the property `inputs`, laid over the code,
  std::vector<job::TreeReference> inputs;       ///< and over them artifacts, in this order
  /// Linked inputs: the path in the workspace, and the absolute path of what it stands for.
  std::vector<std::pair<std::string, std::string>> links;
  std::optional<python::Interpreter> python;  ///< for what the spec asks of Python
  std::chrono::milliseconds stop_grace{10'000};
  std::uint64_t keep_changes = 100'000'000;  ///< as in config::Settings
  job::RunClock clock;                       ///< the run's; empty from an older supervisor
  std::uint64_t log_limit = 0;               ///< likewise

  bool operator==(const JobOrder&) const = default;
};

/// Whether there is anything that its log must not show.
bool has_secrets(const JobOrder& order);
/// Whether the value of a variable is, or holds, a secret, or comes from a file of variables: only
/// the job is given it.
bool is_secret_variable(const JobOrder& order, const std::string& name);

void to_json(Json& json, const JobOrder& order);
/// What an older version wrote has the job's id, ports and GPUs in the environment alone.
void from_json(const Json& json, JobOrder& order);
std::string render_job_order(const JobOrder& order);
Result<JobOrder> parse_job_order(std::string_view text);

/// A script of this many bytes is not an argument of bash, but a file: the kernel takes at most
/// 128 KiB in one argument.
inline constexpr std::size_t longest_script_argument = 100'000;

/// An order travels to the process that carries it out as a file in memory, its descriptor 0.
Result<Fd> hand_over_order(std::string_view text);
/// The other end: its text.
Result<std::string> read_order(int order);
/// Reads the order of this process, and leaves an empty standard input behind.
Result<std::string> take_order();
/// What its process had as standard input is closed, and there is an empty one.
Result<void> leave_empty_input();

/// The word after the program's name in the command line of a runner.
inline constexpr const char* runner_role = "exec";
/// How a runner exits that could neither work nor write down, or send, why: with the number of the
/// error, or with this where there is none. Otherwise with 0.
inline constexpr int runner_without_words = 255;
/// The runner's descriptor with its job's lock, already held.
inline constexpr int runner_lock_fd = 3;
/// The one with the lease of its job's resources, where there is one.
inline constexpr int runner_lease_fd = 4;
/// The first of those with the reservations of its job's ports, one for each.
inline constexpr int runner_ports_fd = 5;

}  // namespace dstack::run

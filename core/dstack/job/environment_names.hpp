// Names in a job's environment that are not the user's to set (spec, section 5), and their
// values: one table.
#pragma once

#include "dstack/base/error.hpp"
#include "dstack/job/code.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dstack::job {

/// The values of the reserved variables of one job. A missing value is not known before the run
/// starts.
struct ReservedValues {
  using Value = std::optional<std::string>;

  /// The job whose host and ports this one is given.
  struct Master {
    Value id = {};
    Value host = {};
    std::vector<Value> ports = {};
  };

  Value run_name = {};
  Value job_id = {};
  Value host = {};
  Value gpus = {};  ///< ids, separated by commas; empty: the job sees none
  std::vector<Value> ports = {};
  std::optional<Master> master = {};
  std::string project = {};
  GitFacts git = {};
  /// The job has a folder of its own beside its workspace. The runner knows its path, and sets
  /// `job_folder_variable` itself.
  bool has_job_folder = false;
  /// The job may write metrics into the file of `metrics_variable`, which the runner sets.
  bool has_metrics = false;
};

inline constexpr std::string_view job_folder_variable = "DSTACK_JOB_DIR";
/// The file into which a job that is in no container may write its metrics; the runner sets it.
inline constexpr std::string_view metrics_variable = "DSTACK_METRICS";

/// All reserved variables of a job with these values, by name.
std::vector<std::pair<std::string, ReservedValues::Value>> reserved_variables(
    const ReservedValues& values);
/// A name that such a variable may have: `RUN_NAME`, `JOB_PORT_0`, `CUDA_VISIBLE_DEVICES`, …
bool is_reserved_environment_name(std::string_view name);
/// What somebody may want who sets such a name.
std::string_view advice_on_reserved_name(std::string_view name);
/// For a file or an option that sets such a name at `where`.
Error reserved_name_error(std::string_view name, SourceLocation where, ErrorCode code);
/// What a job takes over from the caller: `PATH`, `LC_ALL`, `HTTPS_PROXY`, …
bool is_base_environment_name(std::string_view name);
/// The same, and what says which container engine is meant: `DOCKER_HOST`, `DOCKER_CONTEXT`, … A
/// variable or a secret of these names is not refused, but takes their place.
bool is_inherited_environment_name(std::string_view name);

/// Letters, digits and '_', and no digit first.
bool is_environment_name(std::string_view name);
/// `HTTPS_PROXY`, `no_proxy`, …
bool is_proxy_variable(std::string_view name);

/// The table's names, for tests; those that a number follows end in `_`.
std::vector<std::string> reserved_environment_names();

}  // namespace dstack::job

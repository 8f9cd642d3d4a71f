// What a provider makes of a workflow: jobs, as plain values. The keys are those of the SDK's
// guide.
#pragma once

#include "dstack/base/json.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dstack::provider {

/// What a job asks for (spec, section 8). Zero and empty mean: not asked.
struct Resources {
  std::uint32_t cpu = 0;
  std::uint64_t memory = 0;  ///< bytes
  std::uint32_t gpu = 0;
  std::string gpu_name;
  std::uint64_t gpu_memory = 0;  ///< bytes, of each card
  std::uint64_t shm_size = 0;    ///< bytes
  bool interruptible = false;
  bool local = false;

  bool operator==(const Resources&) const = default;
};

/// A Python environment that the host makes once and keeps (environment/python.hpp). The job finds
/// it first on PATH.
struct PythonRequest {
  std::string version;                    ///< "3.10"; empty: none named
  std::vector<std::string> requirements;  ///< requirement files, relative to the project's root
  std::vector<std::string>
      packages;  ///< requirement specifiers beside the files: "streamlit==1.40"

  bool operator==(const PythonRequest&) const = default;
};

struct JobSpec {
  /// Exactly one of the two: a program with its arguments (looked up in the job's PATH), or lines
  /// for bash, which stops at the first that fails.
  std::vector<std::string> argv;
  std::vector<std::string> commands;
  std::vector<std::pair<std::string, std::string>> environment;  ///< the provider's own additions
  std::string working_dir;  ///< normal relative path from the project's root; "" is the root
  std::vector<std::string> artifacts;  ///< normal relative paths, from the working directory
  Resources resources;
  std::optional<PythonRequest> python;

  bool operator==(const JobSpec&) const = default;
};

/// The map of spec section 8, sizes in bytes, `gpu` as {count, name, memory}; what is not asked for
/// is not there.
Json render_resources(const Resources& resources);
/// Also takes what check_properties() makes of the property `resources`.
Result<Resources> parse_resources(const Json& json);

Json render_job(const JobSpec& job);
/// Checks everything that a foreign library may get wrong: types, unknown keys, empty commands,
/// both or none of argv and commands, bad UTF-8, NUL bytes, paths that leave the workspace.
Result<JobSpec> parse_job(const Json& json);

}  // namespace dstack::provider

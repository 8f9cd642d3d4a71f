// What this machine has for jobs: processors, memory, GPUs. As found, within the limits that this
// process itself is under, and each part replaced by the settings where they say something.
#pragma once

#include "dstack/base/json.hpp"
#include "dstack/config/settings/settings.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/resources/ledger.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::resources {

struct Machine {
  std::uint32_t cpu = 0;
  std::uint64_t memory = 0;       ///< bytes
  std::vector<config::Gpu> gpus;  ///< in the order of their numbers; each with an id
  /// How many more there are, which the caller hides; only of a machine that was just found.
  std::size_t hidden_gpus = 0;
};

/// Asks the system, and the drivers of GPUs where there are some. Cards that the caller hides with
/// CUDA_VISIBLE_DEVICES are not counted.
Machine find_machine(const config::ResourceSettings& settings);

/// The ids of the GPUs that have the name (part of it, in any case) and the memory that are asked
/// for; the smallest first, so that the large ones stay for those who need them.
std::vector<std::string> fitting_gpus(const Machine& machine, const job::Resources& wanted);

/// For people, what belongs in "this machine has …": "3 GPUs (V100 16.0 GB, 2 × A100 40.0 GB)", and
/// how many of them are hidden.
std::string describe_gpus(const Machine& machine);

/// All that these jobs ask for together, as the ledger counts it.
Demand demand_of(const std::vector<job::Resources>& jobs, const Machine& machine);

Json render_machine(const Machine& machine);
/// Of a record that we wrote.
Machine parse_machine(const Json& json);

// --- Texts of the system, read ---

/// MemTotal of /proc/meminfo, in bytes; 0 when it is not there.
std::uint64_t parse_meminfo(std::string_view text);
/// The GPUs of `gpus` that a CUDA_VISIBLE_DEVICES lets through, in its order: numbers, or ids or
/// their beginnings, each once; what comes after a word that names none is not seen.
std::vector<config::Gpu> visible_gpus(std::vector<config::Gpu> gpus, std::string_view variable);
/// Lines of `nvidia-smi --query-gpu=uuid,name,memory.total --format=csv,noheader,nounits` (memory
/// in MiB).
std::vector<config::Gpu> parse_gpu_list(std::string_view text);

}  // namespace dstack::resources

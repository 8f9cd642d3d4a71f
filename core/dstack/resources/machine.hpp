// What this machine has for jobs: processors, memory, GPUs. As found, within the limits of this
// process, except for what the settings define.
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
  std::vector<config::Gpu> gpus;  ///< in the order of their numbers; each has an id
  /// How many more are hidden by the caller's environment; set by find_machine() alone.
  std::size_t hidden_gpus = 0;
};

/// Asks the system, and the drivers of GPUs where there are some. GPUs hidden by
/// CUDA_VISIBLE_DEVICES are not counted.
Machine find_machine(const config::ResourceSettings& settings);

/// The ids of the GPUs with the requested name (a part of it, ignoring case) and memory; the
/// smallest first, so that large ones stay free for jobs that need them.
std::vector<std::string> fitting_gpus(const Machine& machine, const job::Resources& wanted);

/// For people, to follow "this machine has": "3 GPUs (V100 16.0 GB, 2 × A100 40.0 GB)", and how
/// many are hidden.
std::string describe_gpus(const Machine& machine);

/// The sum of these jobs' requests, as the ledger counts it.
Demand demand_of(const std::vector<job::Resources>& jobs, const Machine& machine);

/// Without those that are hidden.
void to_json(Json& json, const Machine& machine);
void from_json(const Json& json, Machine& machine);

// --- Parsers of the system's texts ---

/// MemTotal of /proc/meminfo, in bytes; 0 when it is missing.
std::uint64_t parse_meminfo(std::string_view text);
/// The GPUs of `gpus` that CUDA_VISIBLE_DEVICES selects, in its order: by number, id or beginning
/// of an id, each once; everything after an entry that matches none is ignored.
std::vector<config::Gpu> visible_gpus(std::vector<config::Gpu> gpus, std::string_view variable);
/// Lines of `nvidia-smi --query-gpu=uuid,name,memory.total --format=csv,noheader,nounits` (memory
/// in MiB).
std::vector<config::Gpu> parse_gpu_list(std::string_view text);

}  // namespace dstack::resources

#include "dstack/resources/machine.hpp"

#include "dstack/base/environment_variable.hpp"
#include "dstack/base/file.hpp"
#include "dstack/base/json_fields.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/resources/cgroup.hpp"
#include "dstack/resources/gpus.hpp"

#include <algorithm>
#include <thread>

#include <sched.h>

namespace dstack::resources {

namespace {

/// The cores that this process may use.
std::uint32_t find_cpus() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  std::uint32_t cpus = std::max(1u, std::thread::hardware_concurrency());
  if (::sched_getaffinity(0, sizeof allowed, &allowed) == 0)
    cpus = static_cast<std::uint32_t>(CPU_COUNT(&allowed));
  if (const auto quota = own_limits().cpus)
    cpus = std::min(cpus, std::max(1u, static_cast<std::uint32_t>(*quota)));
  return cpus;
}

std::uint64_t find_memory() {
  const std::uint64_t memory = parse_meminfo(read_kernel_file("/proc/meminfo").value_or(""));
  const auto limit = own_limits().memory;
  return limit && (memory == 0 || *limit < memory) ? *limit : memory;
}

std::vector<config::Gpu> numbered(std::vector<config::Gpu> gpus) {
  for (std::size_t i = 0; i < gpus.size(); ++i)
    if (gpus[i].id.empty())
      gpus[i].id = std::to_string(i);
  return gpus;
}

}  // namespace

std::uint64_t parse_meminfo(std::string_view text) {
  static constexpr std::string_view key = "MemTotal:";
  for (const std::string_view line : split(text, '\n'))
    if (line.starts_with(key))
      return parse_number<std::uint64_t>(split(trim(line.substr(key.size())), ' ').front())
                 .value_or(0) *
             1024;
  return 0;
}

std::vector<config::Gpu> visible_gpus(std::vector<config::Gpu> gpus, std::string_view variable) {
  std::vector<config::Gpu> visible;
  const auto has_name = [](std::string_view name) {
    return [name](const config::Gpu& gpu) { return !name.empty() && gpu.id.starts_with(name); };
  };
  for (const std::string_view part : split(variable, ',')) {
    const std::string_view entry = trim(part);
    const auto number = parse_number<std::size_t>(entry);
    const auto named =
        number ? gpus.begin() + static_cast<std::ptrdiff_t>(std::min(*number, gpus.size()))
               : std::find_if(gpus.begin(), gpus.end(), has_name(entry));
    if (named == gpus.end())
      break;
    if (std::none_of(visible.begin(), visible.end(), [&](const config::Gpu& gpu) {
          return gpu.id == named->id;
        }))
      visible.push_back(*named);
  }
  return visible;
}

Machine find_machine(const config::ResourceSettings& settings) {
  Machine machine;
  machine.cpu = settings.cpu ? *settings.cpu : find_cpus();
  machine.memory = settings.memory ? *settings.memory : find_memory();
  machine.gpus = numbered(settings.gpus ? *settings.gpus : find_gpus());
  const std::size_t all = machine.gpus.size();
  if (const auto visible = environment_variable("CUDA_VISIBLE_DEVICES"))
    machine.gpus = visible_gpus(std::move(machine.gpus), *visible);
  machine.hidden_gpus = all - machine.gpus.size();
  return machine;
}

std::vector<std::string> fitting_gpus(const Machine& machine, const job::Resources& wanted) {
  const std::string name = to_lower(wanted.gpu_name);
  std::vector<const config::Gpu*> fitting;
  for (const config::Gpu& gpu : machine.gpus)
    if (gpu.memory >= wanted.gpu_memory && to_lower(gpu.name).find(name) != std::string::npos)
      fitting.push_back(&gpu);
  std::stable_sort(fitting.begin(), fitting.end(), [](const auto* a, const auto* b) {
    return a->memory < b->memory;
  });
  std::vector<std::string> ids;
  for (const config::Gpu* gpu : fitting)
    ids.push_back(gpu->id);
  return ids;
}

std::string describe_gpus(const Machine& machine) {
  std::vector<std::pair<std::string, std::size_t>> kinds;
  for (const config::Gpu& gpu : machine.gpus) {
    const std::string kind = fmt::format("{} {}", gpu.name, render_size(gpu.memory));
    const auto known = std::find_if(
        kinds.begin(), kinds.end(), [&](const auto& each) { return each.first == kind; });
    if (known == kinds.end())
      kinds.emplace_back(kind, 1);
    else
      ++known->second;
  }
  std::vector<std::string> parts;
  for (const auto& [kind, count] : kinds)
    parts.push_back((count > 1 ? fmt::format("{} × ", count) : "") + kind);
  return plural(machine.gpus.size(), "GPU") +
         (parts.empty() ? "" : fmt::format(" ({})", join(parts, ", "))) +
         (machine.hidden_gpus > 0 ? fmt::format(", and CUDA_VISIBLE_DEVICES hides {}",
                                                plural(machine.hidden_gpus, "GPU"))
                                  : "");
}

Demand demand_of(const std::vector<job::Resources>& jobs, const Machine& machine) {
  Demand demand;
  for (const job::Resources& job : jobs) {
    demand.cpu += job.cpu;
    demand.memory += job.memory;
    if (job.gpu > 0)
      demand.gpus.push_back({job.gpu, fitting_gpus(machine, job)});
  }
  return demand;
}

template <class Fields, MaybeConst<Machine> Self>
void fields(Fields& fields, Self& machine) {
  fields.member("cpu", machine.cpu);
  fields.member("memory", machine.memory);
  fields.member("gpus", machine.gpus);
}

void to_json(Json& json, const Machine& machine) {
  write_fields(json, machine);
}

void from_json(const Json& json, Machine& machine) {
  read_fields(json, machine, "machine");
}

}  // namespace dstack::resources

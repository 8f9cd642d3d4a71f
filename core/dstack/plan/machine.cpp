#include "dstack/plan/machine.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/log.hpp"
#include "dstack/base/text.hpp"
#include "dstack/plan/make.hpp"
#include "dstack/process/spawn.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <thread>

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

namespace dstack::plan {

namespace {

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data())
    return std::nullopt;
  return number;
}

std::string read_quietly(const char* path) {
  const auto file = open_file(path, O_RDONLY);
  if (!file)
    return {};
  return read_all(file->get()).value_or(std::string());
}

/// The cores that this process may use.
std::uint32_t find_cpus() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof allowed, &allowed) == 0)
    return static_cast<std::uint32_t>(CPU_COUNT(&allowed));
  return std::max(1u, std::thread::hardware_concurrency());
}

std::uint64_t find_memory() {
  std::uint64_t memory = parse_meminfo(read_quietly("/proc/meminfo"));
  for (const char* file :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"})
    if (const auto limit = parse_memory_limit(read_quietly(file));
        limit && (memory == 0 || *limit < memory))
      memory = *limit;
  return memory;
}

/// Asks the driver's own program, and only where there is a card to ask about: it takes a second.
std::vector<config::Gpu> find_gpus() {
  if (::access("/dev/nvidia0", F_OK) != 0)
    return {};
  const char* path = std::getenv("PATH");
  const auto program = process::find_program("nvidia-smi", path ? path : "/usr/bin:/bin");
  if (!program)
    return {};
  process::Command command;
  command.argv = {*program, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"};
  const auto output = process::run(std::move(command), {}, std::chrono::seconds(10));
  if (!output || !process::succeeded(output->status)) {
    log::warning("nvidia-smi did not answer; this machine counts as one without GPUs");
    return {};
  }
  return parse_gpu_list(output->out);
}

}  // namespace

std::uint64_t parse_meminfo(std::string_view text) {
  static constexpr std::string_view key = "MemTotal:";
  for (const std::string_view line : split(text, '\n'))
    if (line.starts_with(key))
      return parse_number(trim(line.substr(key.size()))).value_or(0) * 1024;
  return 0;
}

std::optional<std::uint64_t> parse_memory_limit(std::string_view text) {
  static constexpr std::uint64_t no_limit = std::uint64_t{1} << 60;
  const auto limit = parse_number(trim(text));
  return limit && *limit > 0 && *limit < no_limit ? limit : std::nullopt;
}

std::vector<config::Gpu> parse_gpu_list(std::string_view text) {
  std::vector<config::Gpu> gpus;
  for (const std::string_view line : split(text, '\n')) {
    if (trim(line).empty())
      continue;
    const std::size_t comma = line.rfind(',');
    config::Gpu gpu;
    gpu.name = trim(line.substr(0, comma));
    if (comma != std::string_view::npos)
      gpu.memory = parse_number(trim(line.substr(comma + 1))).value_or(0) << 20;
    gpus.push_back(std::move(gpu));
  }
  return gpus;
}

Machine find_machine(const config::ResourceSettings& settings) {
  Machine machine;
  machine.cpu = settings.cpu ? *settings.cpu : find_cpus();
  machine.memory = settings.memory ? *settings.memory : find_memory();
  machine.gpus = settings.gpus ? *settings.gpus : find_gpus();
  return machine;
}

}  // namespace dstack::plan

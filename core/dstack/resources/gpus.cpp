#include "dstack/resources/gpus.hpp"

#include "dstack/base/environment_variable.hpp"
#include "dstack/base/log.hpp"
#include "dstack/base/text.hpp"
#include "dstack/process/spawn.hpp"
#include "dstack/resources/machine.hpp"

#include <algorithm>
#include <array>

#include <dlfcn.h>
#include <unistd.h>

namespace dstack::resources {

namespace {

/// What is used of NVML, by its published interface: handles are pointers, 0 is success.
struct Nvml {
  using Handle = void*;

  struct Memory {
    unsigned long long total;
    unsigned long long free;
    unsigned long long used;
  };

  int (*init)();
  int (*shutdown)();
  int (*count)(unsigned*);
  int (*handle)(unsigned, Handle*);
  int (*name)(Handle, char*, unsigned);
  int (*uuid)(Handle, char*, unsigned);
  int (*memory)(Handle, Memory*);
};

template <typename Function>
bool find_symbol(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

bool find_symbols(void* library, Nvml& nvml) {
  return find_symbol(library, "nvmlInit_v2", nvml.init) &&
         find_symbol(library, "nvmlShutdown", nvml.shutdown) &&
         find_symbol(library, "nvmlDeviceGetCount_v2", nvml.count) &&
         find_symbol(library, "nvmlDeviceGetHandleByIndex_v2", nvml.handle) &&
         find_symbol(library, "nvmlDeviceGetName", nvml.name) &&
         find_symbol(library, "nvmlDeviceGetUUID", nvml.uuid) &&
         find_symbol(library, "nvmlDeviceGetMemoryInfo", nvml.memory);
}

std::optional<config::Gpu> request_gpu(const Nvml& nvml, unsigned index) {
  Nvml::Handle gpu = nullptr;
  std::array<char, 128> name{};
  std::array<char, 128> uuid{};
  Nvml::Memory memory{};
  if (nvml.handle(index, &gpu) != 0 || nvml.name(gpu, name.data(), name.size()) != 0 ||
      nvml.uuid(gpu, uuid.data(), uuid.size()) != 0 || nvml.memory(gpu, &memory) != 0)
    return std::nullopt;
  return config::Gpu{name.data(), memory.total, uuid.data()};
}

std::optional<std::vector<config::Gpu>> request_gpus(const Nvml& nvml) {
  if (nvml.init() != 0)
    return std::nullopt;
  std::optional<std::vector<config::Gpu>> gpus(std::in_place);
  unsigned count = 0;
  if (nvml.count(&count) != 0)
    gpus.reset();
  for (unsigned index = 0; gpus && index < count; ++index) {
    if (auto gpu = request_gpu(nvml, index))
      gpus->push_back(*std::move(gpu));
    else
      gpus.reset();
  }
  nvml.shutdown();
  return gpus;
}

std::vector<config::Gpu> ask_nvidia_smi() {
  const auto program =
      process::find_program("nvidia-smi", environment_variable("PATH").value_or("/usr/bin:/bin"));
  if (!program)
    return {};
  process::Command command;
  command.argv = {*program, "--query-gpu=uuid,name,memory.total", "--format=csv,noheader,nounits"};
  const auto output = process::run(std::move(command), {}, std::chrono::seconds(10));
  if (!output || !process::succeeded(output->status)) {
    log::warning("nvidia-smi did not answer; assuming that this machine has no GPUs");
    return {};
  }
  return parse_gpu_list(output->out);
}

std::string line_of(const Path& file) {
  return std::string(trim(read_kernel_file(file).value_or("")));
}

}  // namespace

std::optional<std::vector<config::Gpu>> ask_nvml(const char* path) {
  void* library = ::dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    return std::nullopt;
  Nvml nvml{};
  auto gpus = find_symbols(library, nvml) ? request_gpus(nvml) : std::nullopt;
  ::dlclose(library);
  return gpus;
}

std::vector<config::Gpu> parse_gpu_list(std::string_view text) {
  std::vector<config::Gpu> gpus;
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t first = line.find(',');
    const std::size_t last = line.rfind(',');
    if (first == std::string_view::npos || first == last)
      continue;
    config::Gpu gpu;
    gpu.id = trim(line.substr(0, first));
    gpu.name = trim(line.substr(first + 1, last - first - 1));
    gpu.memory = parse_number<std::uint64_t>(trim(line.substr(last + 1))).value_or(0) << 20;
    gpus.push_back(std::move(gpu));
  }
  return gpus;
}

std::vector<config::Gpu> read_amd_gpus(const Path& drm) {
  std::vector<std::pair<std::size_t, config::Gpu>> found;
  boost::system::error_code error;
  for (fs::directory_iterator it(drm, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    const auto number = name.starts_with("card")
                            ? parse_number<std::size_t>(std::string_view(name).substr(4))
                            : std::nullopt;
    const Path device = it->path() / "device";
    if (!number || line_of(device / "vendor") != "0x1002")
      continue;
    config::Gpu gpu;
    gpu.name = line_of(device / "product_name");
    if (gpu.name.empty())
      gpu.name = fmt::format("AMD {}", line_of(device / "device"));
    gpu.memory = parse_number<std::uint64_t>(line_of(device / "mem_info_vram_total")).value_or(0);
    found.emplace_back(*number, std::move(gpu));
  }
  std::sort(
      found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<config::Gpu> gpus;
  for (auto& [number, gpu] : found)
    gpus.push_back(std::move(gpu));
  return gpus;
}

std::vector<config::Gpu> find_gpus() {
  if (::access("/dev/nvidia0", F_OK) == 0) {
    if (auto gpus = ask_nvml("libnvidia-ml.so.1"))
      return *std::move(gpus);
    return ask_nvidia_smi();
  }
  // The compute device of AMD's driver.
  if (::access("/dev/kfd", F_OK) == 0)
    return read_amd_gpus("/sys/class/drm");
  return {};
}

}  // namespace dstack::resources

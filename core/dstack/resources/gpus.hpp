// The GPUs of this machine, as their drivers report them.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/config/settings/settings.hpp"

#include <optional>
#include <vector>

namespace dstack::resources {

/// NVIDIA's from the driver's library, else its program; AMD's from the driver's files. Queried
/// only where devices exist: the answer may take a second.
std::vector<config::Gpu> find_gpus();

/// Asks the library at this path (NVML); nothing when it cannot be opened or does not answer.
std::optional<std::vector<config::Gpu>> ask_nvml(const char* library);

/// AMD's GPUs under a copy of /sys/class/drm.
std::vector<config::Gpu> read_amd_gpus(const Path& drm);

}  // namespace dstack::resources

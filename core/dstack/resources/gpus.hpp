// The GPUs of this machine, as their drivers tell.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/config/settings/settings.hpp"

#include <optional>
#include <vector>

namespace dstack::resources {

/// Of NVIDIA's by the driver's library, else its program; of AMD's by the driver's files. Only
/// where there are devices to ask about: the answer may take a second.
std::vector<config::Gpu> find_gpus();

/// Asks the library at this path (NVML); nothing when it cannot be opened, or does not answer.
std::optional<std::vector<config::Gpu>> ask_nvml(const char* library);

/// AMD's GPUs under a copy of /sys/class/drm.
std::vector<config::Gpu> read_amd_gpus(const Path& drm);

}  // namespace dstack::resources

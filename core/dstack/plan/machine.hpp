// Reading what a machine says about itself. Only texts are read here, so that tests need no such
// machine.
#pragma once

#include "dstack/config/settings.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace dstack::plan {

/// MemTotal of /proc/meminfo, in bytes; 0 when it is not there.
std::uint64_t parse_meminfo(std::string_view text);
/// A cgroup's limit: a number of bytes; nothing for "max" and for the huge number that means the
/// same.
std::optional<std::uint64_t> parse_memory_limit(std::string_view text);
/// Lines of `nvidia-smi --query-gpu=name,memory.total --format=csv,noheader,nounits` (memory in
/// MiB).
std::vector<config::Gpu> parse_gpu_list(std::string_view text);

}  // namespace dstack::plan

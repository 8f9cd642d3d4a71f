// What a job used of the machine.
#pragma once

#include "dstack/base/json.hpp"

#include <cstdint>
#include <optional>

namespace dstack::job {

/// What a job used of the machine, as far as it is known.
struct Usage {
  std::optional<std::int64_t> peak_memory = {};      ///< bytes, of all its processes together
  std::optional<std::int64_t> largest_process = {};  ///< bytes, of the one that used most
  std::optional<std::int64_t> cpu_time = {};         ///< milliseconds, of all its processes
  std::optional<std::int64_t> bytes_read = {};       ///< from disks, not from memory
  std::optional<std::int64_t> bytes_written = {};

  bool operator==(const Usage&) const = default;
};

/// The known values by name.
void to_json(Json& json, const Usage& usage);
void from_json(const Json& json, Usage& usage);

}  // namespace dstack::job

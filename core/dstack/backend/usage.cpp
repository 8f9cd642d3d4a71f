#include "dstack/backend/usage.hpp"

namespace dstack::backend {

job::Usage figures_of(const Usage& usage) {
  const auto number = [](auto value) { return static_cast<std::int64_t>(value); };
  job::Usage figures;
  if (usage.peak_memory)
    figures.peak_memory = number(*usage.peak_memory);
  figures.largest_process = number(usage.largest_process);
  figures.cpu_time =
      number(std::chrono::duration_cast<std::chrono::milliseconds>(usage.cpu).count());
  figures.bytes_read = number(usage.bytes_read);
  figures.bytes_written = number(usage.bytes_written);
  return figures;
}

}  // namespace dstack::backend

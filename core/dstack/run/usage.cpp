#include "dstack/run/usage.hpp"

#include "dstack/base/quantity.hpp"

namespace dstack::run {

namespace {

bool has_failed(const ExitRecord& record) {
  return record.outcome == ExitRecord::Outcome::signaled || record.number != 0;
}

std::string took(const store::Usage& usage, const provider::Resources& resources) {
  return "it took " +
         render_size(static_cast<std::uint64_t>(
             usage.peak_memory.value_or(usage.largest_process.value_or(0)))) +
         " of the " + render_size(resources.memory) + " that it asked for";
}

}  // namespace

store::Usage figures_of(const backend::Usage& usage) {
  const auto number = [](auto value) { return static_cast<std::int64_t>(value); };
  store::Usage figures;
  if (usage.peak_memory)
    figures.peak_memory = number(*usage.peak_memory);
  figures.largest_process = number(usage.largest_process);
  figures.cpu_time =
      number(std::chrono::duration_cast<std::chrono::milliseconds>(usage.cpu).count());
  figures.bytes_read = number(usage.bytes_read);
  figures.bytes_written = number(usage.bytes_written);
  return figures;
}

void note_resources(ExitRecord& record,
                    const resources::Limiter& limiter,
                    const backend::Usage& usage,
                    const provider::JobSpec& spec) {
  if (spec.container)
    return;
  record.usage = figures_of(usage);
  if (const auto peak = limiter.peak_memory())
    record.usage.peak_memory = static_cast<std::int64_t>(*peak);
  record.warnings.insert(
      record.warnings.end(), limiter.warnings().begin(), limiter.warnings().end());
  const bool by_itself = record.stop == store::StopRequest::none && !record.cause;
  if (limiter.killed_for_memory() > 0 && by_itself && has_failed(record)) {
    record.cause = store::Cause::oom;
    record.message =
        "it ran out of memory: " + took(record.usage, spec.resources) + "; --memory gives it more";
  } else if (limiter.killed_for_memory() > 0) {
    record.warnings.push_back("some of its processes were killed because its memory ran out: " +
                              took(record.usage, spec.resources));
  } else if (limiter.holds_each_process() && by_itself && has_failed(record) &&
             usage.largest_process > spec.resources.memory / 2) {
    record.warnings.push_back("each of its processes may have the memory that it asked for; " +
                              took(record.usage, spec.resources));
  }
}

}  // namespace dstack::run

#include "dstack/run/runner/usage.hpp"

#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/status.hpp"
#include "dstack/job/usage.hpp"

#include <algorithm>
#include <array>

namespace dstack::run {

namespace {

bool has_failed(const ExitRecord& record) {
  return record.outcome == ExitRecord::Outcome::signaled || record.number != 0;
}

std::string took(const job::Usage& usage, const job::Resources& resources) {
  return fmt::format("it took {} of the {} that it asked for",
                     render_size(static_cast<std::uint64_t>(
                         usage.peak_memory.value_or(usage.largest_process.value_or(0)))),
                     render_size(resources.memory));
}

/// For a job whose processes are limited one by one.
void record_each_process(ExitRecord& record,
                         const backend::Usage& usage,
                         const job::Resources& resources,
                         bool failed_by_itself,
                         const std::function<std::string()>& end_of_log) {
  if (failed_by_itself && mentions_refused_memory(end_of_log())) {
    record.cause = job::Cause::oom;
    record.message = fmt::format(
        "it ran out of memory: each of its processes may have {}, and one was refused more; the "
        "largest took {}; --memory gives it more",
        render_size(resources.memory),
        render_size(usage.largest_process));
  } else if (usage.largest_process > resources.memory) {
    record.warnings.push_back(
        fmt::format("{}, in one process: files and shared memory that a process maps do not count "
                    "where there is no control group",
                    took(record.usage, resources)));
  } else if (failed_by_itself && usage.largest_process > resources.memory / 2) {
    record.warnings.push_back(
        fmt::format("each of its processes may have the memory that it asked for; {}",
                    took(record.usage, resources)));
  }
}

}  // namespace

void record_resources(ExitRecord& record,
                      const resources::Limiter& limiter,
                      const backend::Usage& usage,
                      const job::JobSpec& spec,
                      const std::function<std::string()>& end_of_log) {
  if (spec.container)
    return;
  record.usage = backend::figures_of(usage);
  if (const auto peak = limiter.peak_memory())
    record.usage.peak_memory = static_cast<std::int64_t>(*peak);
  record.warnings.insert(
      record.warnings.end(), limiter.warnings().begin(), limiter.warnings().end());
  if (limiter.refused_processes() > 0)
    record.warnings.push_back(fmt::format(
        "it was refused more processes: it may have {} at a time; 'processes' in its resources "
        "gives it more",
        spec.resources.processes != 0 ? spec.resources.processes : resources::usual_processes));
  const bool failed_by_itself =
      record.stop == job::StopRequest::none && !record.cause && has_failed(record);
  if (limiter.killed_for_memory() > 0 && failed_by_itself) {
    record.cause = job::Cause::oom;
    record.message = fmt::format("it ran out of memory: {}; --memory gives it more",
                                 took(record.usage, spec.resources));
  } else if (limiter.killed_for_memory() > 0) {
    record.warnings.push_back(
        fmt::format("some of its processes were killed because its memory ran out: {}",
                    took(record.usage, spec.resources)));
  } else if (limiter.holds_each_process()) {
    record_each_process(record, usage, spec.resources, failed_by_itself, end_of_log);
  }
}

bool mentions_refused_memory(std::string_view log) {
  constexpr std::array<std::string_view, 4> phrases = {
      "Cannot allocate memory", "std::bad_alloc", "MemoryError", "can't allocate memory"};
  const auto lines = split(log, '\n');
  return std::any_of(lines.begin(), lines.end(), [&](std::string_view line) {
    const auto contains = [&](std::string_view phrase) { return line.find(phrase) != line.npos; };
    return std::any_of(phrases.begin(), phrases.end(), contains) && !contains("OutOfMemoryError");
  });
}

}  // namespace dstack::run

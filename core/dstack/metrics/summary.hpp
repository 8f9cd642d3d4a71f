// What is shown of a metric beside its curve: the last, the lowest and the highest value. A job's
// folder has it in the file `metrics.summary`, so that a thousand runs can be compared without
// reading their points.
#pragma once

#include "dstack/base/error.hpp"
#include "dstack/files/home.hpp"
#include "dstack/metrics/point.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::metrics {

/// Of the points that count: those of a later attempt replace earlier ones from its first step on.
struct MetricSummary {
  std::string name = {};
  Sample last = {};                    ///< as it was reported last, NaN and infinities included
  std::optional<Sample> lowest = {};   ///< of the finite values, the first of equal ones
  std::optional<Sample> highest = {};  ///< nothing: no value is finite
  std::uint64_t count = 0;             ///< points, never 0
  std::uint64_t not_finite = 0;        ///< how many of them are NaN or infinite

  bool operator==(const MetricSummary&) const = default;

  /// Takes in a point that was reported after all others.
  void add(const Sample& sample);
};

/// What a job reported, by name of the metric.
struct JobSummary {
  std::size_t job = 0;  ///< its index in the run
  std::vector<MetricSummary> metrics = {};
};

/// Of all jobs of a run that reported something, by index; empty when none did, or when there is no
/// such run. What a running job is about to report is there within a second or two. An error: a
/// file that is there cannot be read.
Result<std::vector<JobSummary>> read_summaries(const files::Home& home, const std::string& run);
/// Of one job, by name of the metric; empty when it reported nothing.
Result<std::vector<MetricSummary>> read_summary(const Path& job_folder);

/// The content of the file; `covered` is how many bytes of the points it was made of.
std::string render_summary(const std::vector<MetricSummary>& metrics, std::uint64_t covered);
/// Nothing when the content is damaged, or is about another number of bytes.
std::optional<std::vector<MetricSummary>> parse_summary(std::string_view bytes,
                                                        std::uint64_t covered);

}  // namespace dstack::metrics

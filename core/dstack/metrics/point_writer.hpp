// The writing side of a job's points (point_file.hpp).
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/metrics/point.hpp"
#include "dstack/metrics/summary.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace dstack::metrics {

/// For one thread of the only process that writes the file.
class PointWriter {
 public:
  /// Makes the file where there is none. What a kill left behind the last whole frame is cut off.
  /// `attempt`: the one of all points to come.
  static Result<PointWriter> open(const Path& job_folder, std::uint32_t attempt);

  /// The attempts of `points` do not count. They are in the file when it returns, and survive the
  /// end of every process; a power cut takes what no sync() followed. After an error nothing of
  /// them is there. The summary follows them; one that cannot be written is made by its readers.
  Result<void> append(const std::vector<Point>& points);
  Result<void> sync();

 private:
  struct Metric {
    std::uint64_t number = 0;
    std::uint64_t step = 0;  ///< of the last point, as is `time`; unsigned: differences may wrap
    std::uint64_t time = 0;
    bool is_of_attempt = false;  ///< has a point of this attempt
    MetricSummary summary = {};
  };

  using Metrics = std::map<std::string, Metric, std::less<>>;

  PointWriter(Path folder, Fd file, std::uint32_t attempt)
      : folder_(std::move(folder)), file_(std::move(file)), attempt_(attempt) {}

  Result<void> load();
  static void put_group(std::string& payload,
                        Metric& metric,
                        const std::vector<const Sample*>& samples);
  void write_summary();

  Path folder_;
  Fd file_;
  std::uint32_t attempt_;
  std::uint64_t size_ = 0;
  bool has_earlier_attempts_ = false;
  Metrics metrics_;
};

}  // namespace dstack::metrics

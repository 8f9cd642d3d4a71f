// The points of a job, of all its attempts, in the file `metrics` of its folder. It only grows; its
// writer is the job's runner (point_writer.hpp).
//
// The file begins with `dstk-mp1`. Frames follow: the length of the payload and its CRC-32C, four
// bytes each, and the payload:
//
//     the attempt
//     how many new names, each as length and bytes; names are numbered as they come
//     groups, until the payload ends, each of one metric:
//       number × 4 + (2: values have 4 bytes, not 8) + (1: it is a single point)
//       unless it is single: how many points, and how many bytes the next two columns have
//       the steps, then the times in milliseconds since 1970, each as the difference from what the
//       same metric had before
//       the values
//
// What follows the last whole frame is what a kill or a power cut left, and is ignored.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/base/mapped_file.hpp"
#include "dstack/metrics/point.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::metrics {

inline constexpr const char* point_file_name = "metrics";
inline constexpr const char* summary_file_name = "metrics.summary";
inline constexpr std::string_view point_file_magic = "dstk-mp1";
inline constexpr unsigned single_point = 1;
inline constexpr unsigned short_values = 2;

/// Which points of a job that was tried several times.
enum class Attempts {
  winning,  ///< those of a later attempt replace earlier ones from its first step on
  all,
};

/// What the file holds at the moment of opening.
class PointFile {
 public:
  /// A job without one has no names.
  static Result<PointFile> open(const Path& job_folder);

  /// Of the metrics, as they came.
  const std::vector<std::string>& names() const { return names_; }

  /// In the order in which they were reported; empty for an unknown name.
  std::vector<Sample> read(std::string_view name, Attempts attempts = Attempts::winning) const;

  /// Bytes up to the end of the last whole frame.
  std::uint64_t size() const { return size_; }

 private:
  std::optional<MappedFile> file_;
  std::vector<std::string_view> payloads_;
  std::vector<std::string> names_;
  std::uint64_t size_ = 0;
};

}  // namespace dstack::metrics

// A file in which a program writes metrics, read on and on while it does. What it is shows its
// content: JSON lines, one value of JSON, CSV with a header, TensorBoard's events; and, by its
// place, a metric of MLflow's folder `mlruns`.
#pragma once

#include "dstack/metrics/row.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>

namespace dstack::metrics {

class FollowedFile {
 public:
  enum class Found {
    reported,   ///< JSON lines, whatever it holds
    by_name,    ///< the user named it: what cannot be read is said
    in_folder,  ///< only what is certainly metrics is taken
  };

  /// What has been read since the last look.
  struct Look {
    std::vector<Row> rows = {};
    std::vector<std::string> warnings = {};  ///< "log.csv:3: …"
    bool has_more = false;                   ///< there is more than is read at a time
  };

  /// `name`: as messages show it.
  FollowedFile(std::string name, Found found);

  /// Reads on, a megabyte at most of what only grows. `file`: the regular file that has its name
  /// now. `ended`: nobody writes to it any more, so its last line is whole.
  Look look(int file, bool ended);

 private:
  enum class Kind { unknown, json_lines, document, csv, events, mlflow, nothing };

  void begin_again(const struct stat& status);
  bool is_replaced(int file, const struct stat& status) const;
  Kind recognise(std::string_view begin, bool is_all, bool ended) const;
  void read_document(int file, const struct stat& status, bool ended, Look& look);
  void read_lines(std::string_view bytes, bool ended, Look& look);
  void take_line(std::string_view line, Look& look);
  void take_csv_line(std::string_view line, Look& look);
  void take_row(Row row, Look& look);
  void warn(std::string_view what, Look& look) const;

  std::string name_;
  Found found_;
  std::string mlflow_name_;  ///< of the metric; empty: it is no file of MLflow's
  Kind kind_ = Kind::unknown;
  ino_t inode_ = 0;
  std::uint64_t offset_ = 0;  ///< of what was not taken yet
  std::uint64_t line_ = 0;    ///< how many lines were
  std::string head_;          ///< what it begins with: another one is another file
  timespec changed_{};        ///< of a document, when it was read last, and how long it was then
  std::uint64_t size_ = 0;
  bool skips_line_ = false;  ///< in the middle of one that is too long
  std::vector<std::string> header_;
  std::size_t rows_ = 0;   ///< taken of this content
  std::size_t known_ = 0;  ///< how many rows of it were taken before it was written anew
  std::vector<std::pair<std::string, double>> last_;  ///< of a document that is one row
  std::int64_t last_step_ = std::numeric_limits<std::int64_t>::min();  ///< of a trainer's state
};

/// Whether a file in a folder may be one, by its path: `…/metrics.csv`, `events.out.tfevents.…`.
bool may_hold_metrics(std::string_view path);

}  // namespace dstack::metrics

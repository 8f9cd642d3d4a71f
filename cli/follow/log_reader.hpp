// Prints the stored logs of a run: one job's as it is, several merged in the order in which their
// lines came.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/run/client/selection.hpp"
#include "dstack/run/protocol/job_log.hpp"
#include "dstack/store/records/run_record.hpp"
#include "ui/job_output.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dstack::cli {

enum class Timestamps { no, yes };

struct LogSelection {
  run::Selection part;
  std::optional<Timestamp> since;
  std::optional<std::chrono::milliseconds> ago;  ///< since so long before now
  std::optional<std::size_t> lines;              ///< the last ones, of all jobs together
};

class LogReader {
 public:
  LogReader(const files::Home& home,
            const store::RunRecord& run,
            const std::vector<store::JobRecord>& jobs,
            ui::Output& out,
            Timestamps timestamps,
            ui::JobOutput::Sequences sequences);
  LogReader(const LogReader&) = delete;
  LogReader& operator=(const LogReader&) = delete;

  /// Prints what the logs have now. An unterminated last line is held until more comes, or
  /// finish().
  Result<void> print(const LogSelection& selection);

  /// How far the log of each job has been printed.
  const std::vector<std::uint64_t>& offsets() const { return offsets_; }

  /// Prints bytes that follow those.
  void append(std::size_t job, std::string_view bytes);

  /// Goes on at this offset: what was appended last stands for what is left out before it.
  void go_on_at(std::size_t job, std::uint64_t offset) { offsets_[job] = offset; }

  /// As of ui::JobOutput.
  bool has_states() const { return output_->has_states(); }

  void write_states() { output_->write_states(); }

  void finish(std::size_t job) { output_->finish(job); }

  void finish_all() { output_->finish_all(); }

 private:
  struct Source;

  Result<void> begin(const LogSelection& selection);
  Result<std::uint64_t> offset_since(const run::JobLog& log, const LogSelection& selection) const;
  Result<void> copy(std::size_t job);
  Result<std::vector<Source>> sources() const;
  Result<void> merge(std::size_t skipped);
  void close(std::size_t job);

  const std::vector<store::JobRecord>& jobs_;
  const store::RunRecord& run_;
  ui::Output& out_;
  Timestamps timestamps_;
  ui::JobOutput::Sequences sequences_;
  std::vector<Path> folders_;
  std::vector<run::JobLog> logs_;
  std::vector<std::uint64_t> offsets_;
  std::vector<std::size_t> selected_;
  std::optional<ui::JobOutput> output_;
};

}  // namespace dstack::cli

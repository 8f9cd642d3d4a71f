// Writes the output of jobs to standard output. That of a single job passes through byte for byte;
// of several, whole lines are prefixed with the job's name, and up to 64 KiB never split; of a
// progress bar there, its newest state can be written as a line. Output to a terminal is sanitized.
#pragma once

#include "dstack/base/time.hpp"
#include "dstack/store/records/run_record.hpp"
#include "ui/job_lines.hpp"
#include "ui/output.hpp"
#include "ui/terminal_text.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::ui {

/// "train", or "train[2]" where the workflow has several jobs; indexed by job.
std::vector<std::string> job_labels(const store::RunRecord& run,
                                    const std::vector<store::JobRecord>& jobs);

class JobOutput {
 public:
  enum class Prefix { no, yes };
  /// Control sequences: sanitized on a terminal, or left as they are, with all states of a bar.
  enum class Sequences { sanitized, raw };
  /// The time of the line that begins at this byte of a job's output; for `--timestamps`.
  using Clock = std::function<std::optional<Timestamp>(std::size_t job, std::uint64_t offset)>;

  /// `labels` by job. With `clock`, each line begins with its time.
  JobOutput(Output& output,
            std::vector<std::string> labels,
            Prefix prefix,
            Sequences sequences = Sequences::sanitized,
            Clock clock = {});
  JobOutput(const JobOutput&) = delete;
  JobOutput& operator=(const JobOutput&) = delete;

  /// `offset`: where in the job's log these bytes begin.
  void write(std::size_t job, std::string_view bytes, std::uint64_t offset);
  /// Writes the unterminated last line of this job.
  void finish(std::size_t job);
  void finish_all();

  bool has_rest(std::size_t job) const { return jobs_[job].lines.has_rest(); }

  /// What a job's unfinished line shows on a terminal, such as a progress bar: plain text, or
  /// empty.
  std::string progress(std::size_t job) const { return jobs_[job].lines.progress(); }

  /// Whether write_states() may have something to write.
  bool has_states() const { return !moving_.empty(); }

  /// The newest state of each progress bar, as a line, if it has changed since the last one.
  void write_states();

  /// The cursor is at the beginning of a line.
  bool at_line_start() const { return at_line_start_; }

  /// Lines of other jobs that were written since this job's last one.
  std::size_t lines_since(std::size_t job) const;

  bool has_written(std::size_t job) const { return jobs_[job].last_line > 0; }

 private:
  struct Job {
    std::string prefix;
    JobLines lines;
    std::uint64_t last_line = 0;  ///< number of the last line that was written; 0: none
  };

  bool passes_through() const { return prefix_ == Prefix::no && !clock_; }

  void write_line(std::size_t job, std::string_view line, std::uint64_t offset);

  Output& output_;
  Prefix prefix_;
  bool sanitizes_;
  Clock clock_;
  std::vector<Job> jobs_;
  std::set<std::size_t> moving_;  ///< jobs with a progress bar
  TerminalText alone_;  ///< of one job that passes through
  std::uint64_t lines_ = 0;
  bool at_line_start_ = true;
};

}  // namespace dstack::ui

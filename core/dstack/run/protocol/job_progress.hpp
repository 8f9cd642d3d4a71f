// How far the copying for a job is: laying out what it is given, saving what it made. In a file of
// the job's folder as long as there is much of it, for whoever follows the run. Never durable.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/base/progress.hpp"

#include <optional>
#include <string>

namespace dstack::run {

struct JobProgress {
  std::string what;  ///< "saving model"
  WorkState state;
};

/// While it lives, what this thread's work counts is the progress of a job. For the thread that
/// made it.
class ReportedJobWork {
 public:
  /// `job_folder`: files::Home::job().
  ReportedJobWork(const Path& job_folder, std::string what);
  ReportedJobWork(const ReportedJobWork&) = delete;
  ReportedJobWork& operator=(const ReportedJobWork&) = delete;
  ~ReportedJobWork();

 private:
  void write(const WorkState& state);

  const Path file_;
  const std::string what_;
  bool is_written_ = false;
  std::optional<ProgressReporter> reporter_;
  std::optional<ReportedWork> reported_;
};

/// Nothing: there is none, or little.
std::optional<JobProgress> read_job_progress(const Path& job_folder);

}  // namespace dstack::run

// Storing the artifacts of jobs that have ended, beside the supervisor's loop: one thread for each
// job.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/files/home.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/run/protocol/exit_record.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/source/edits.hpp"
#include "dstack/store/objects/objects.hpp"
#include "dstack/store/records/run_record.hpp"

#include <cstddef>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace dstack::run {

struct SavedArtifacts {
  std::size_t job = 0;
  ExitRecord record;
  std::vector<job::Artifact> artifacts;
  std::vector<std::string> warnings;  ///< declared and not there, files that changed, …
  std::string error;                  ///< what could not be stored, and where it is now
  std::optional<store::Edits> edits;  ///< what it changed beside them
};

/// For one thread, which owns it; the work is done in others.
class ArtifactSaver {
 public:
  static Result<ArtifactSaver> make(const files::Home& home);
  ArtifactSaver(ArtifactSaver&&) noexcept;
  ~ArtifactSaver();

  /// Takes the artifacts from the job's workspace, and what was edited beside them. `originals`:
  /// whether anything of the job may still run.
  void start(JobOrder order, std::string workflow, ExitRecord record, store::Originals originals);
  /// Removes the workspace of a job: what was taken from it is on record.
  void discard(JobOrder order);
  /// Readable when something is finished.
  int fd() const;
  std::vector<SavedArtifacts> take_finished();

 private:
  struct State;
  explicit ArtifactSaver(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dstack::run

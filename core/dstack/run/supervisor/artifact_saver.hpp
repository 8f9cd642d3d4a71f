// Storing the artifacts of jobs that have ended, beside the supervisor's loop.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/files/home.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/edits.hpp"
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
  std::vector<std::string> warnings;  ///< files that changed, …
  std::string error;                  ///< what could not be stored, and where it is now
  std::optional<job::Edits> edits;    ///< what it changed beside them
  std::string missing = {};  ///< of a job that ended well: what it had to make, and did not
  bool given_up = false;     ///< by give_up(): nothing was kept
  /// Something could not be stored because the disk is full: "cannot write '…': …". The workspace
  /// still has it.
  std::string no_room = {};
};

/// Takes the artifacts from the workspace of a job that has ended, and what was edited beside them,
/// on the caller's thread. `originals`: whether anything of the job may still run.
SavedArtifacts save_artifacts(store::ObjectStore& objects,
                              const JobOrder& order,
                              const std::string& workflow,
                              const ExitRecord& record,
                              store::Originals originals);

/// Requests of a supervisor; Events::wait() returns the results. For one thread.
class ArtifactSaver {
 public:
  virtual ~ArtifactSaver() = default;

  /// Takes the artifacts from the job's workspace, and what was edited beside them. `originals`:
  /// whether anything of the job may still run. For a job that ended well it waits while the disk
  /// is full, and tells the mailbox of the run; what is larger than the room that is left does not
  /// wait.
  virtual void start(JobOrder order,
                     std::string workflow,
                     ExitRecord record,
                     store::Originals originals) = 0;
  /// Does not wait for room on the disk any more; what cannot be stored stays in the workspace.
  virtual void end_wait(std::size_t job) = 0;
  /// Stops what start() began for this job, if it has not finished.
  virtual void give_up(std::size_t job) = 0;
  /// Removes the workspace of a job: what was taken from it is on record.
  virtual void discard(JobOrder order) = 0;
};

/// With a thread for each job. Its owner is one thread; its destructor waits for all of them.
class ThreadedArtifactSaver : public ArtifactSaver {
 public:
  static Result<ThreadedArtifactSaver> make(const files::Home& home);
  ThreadedArtifactSaver(ThreadedArtifactSaver&&) noexcept;
  ~ThreadedArtifactSaver() override;

  void start(JobOrder order,
             std::string workflow,
             ExitRecord record,
             store::Originals originals) override;
  void end_wait(std::size_t job) override;
  void give_up(std::size_t job) override;
  void discard(JobOrder order) override;

  /// Readable when something is finished.
  int fd() const;
  std::vector<SavedArtifacts> take_finished();

 private:
  struct State;
  explicit ThreadedArtifactSaver(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dstack::run

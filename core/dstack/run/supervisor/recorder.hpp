// Where a supervisor's decisions are recorded.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/files/home.hpp"
#include "dstack/store/records/changes.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

namespace dstack::run {

/// For one thread.
class Recorder {
 public:
  virtual ~Recorder() = default;

  /// What was added first is written first. `workspaces` are jobs whose artifacts are among the
  /// changes: until these are recorded, only the workspace has them.
  virtual void add(store::RunChanges changes, std::vector<std::size_t> workspaces) = 0;
  /// Waits until everything is recorded. Returns the jobs whose workspaces are not needed any more,
  /// except those that Events::wait() has already returned. A full disk is waited for. The error is
  /// that of the first change that could not be recorded; none is tried after it.
  virtual Result<std::vector<std::size_t>> finish() = 0;
};

/// How long a recorder rests after a transaction. Nobody sees the difference, and of a thousand
/// jobs that end at once not each pays for a sync.
inline constexpr std::chrono::milliseconds between_transactions{10};

/// Writes into the database, in a thread of its own: no job waits for the disk before it may start.
/// Whatever is added while one transaction is being written, and shortly after it, goes into the
/// next, all of it together; a change of the run itself, and finish(), wait for nothing.
/// Followers are notified of what is recorded, never of anything else. Its owner is one thread; its
/// destructor waits until everything that was added is written.
class DatabaseRecorder : public Recorder {
 public:
  /// Begins by notifying followers of all jobs: the supervisor before may have been killed between
  /// a record and its notification. `records`: a connection for it alone, which it takes unless
  /// it fails. `move_tag`: whether the tag to be set on success may name another run.
  static Result<DatabaseRecorder> start(const files::Home& home,
                                        store::Records&& records,
                                        const store::RunRecord& run,
                                        store::Records::Force move_tag = store::Records::Force::no,
                                        std::chrono::milliseconds rest = between_transactions);
  DatabaseRecorder(DatabaseRecorder&&) noexcept;
  ~DatabaseRecorder() override;

  void add(store::RunChanges changes, std::vector<std::size_t> workspaces) override;
  Result<std::vector<std::size_t>> finish() override;
  /// Readable when there is something to take.
  int fd() const;
  /// As finish(), of what is recorded so far.
  Result<std::vector<std::size_t>> take();

 private:
  struct State;
  explicit DatabaseRecorder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dstack::run

// Writes what a supervisor decides into the database, in a thread of its own: no job waits for the
// disk before it may start. Whatever is decided while one transaction is being written goes into
// the next, all of it together. Followers are told of what is on record, never of anything else.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/files/home.hpp"
#include "dstack/store/records/changes.hpp"
#include "dstack/store/records/run_record.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace dstack::run {

/// For one thread, which owns it. Its end waits until everything that was added is written.
class Recorder {
 public:
  /// Begins by telling followers to look at all jobs: the supervisor before may have recorded what
  /// it did not live to tell.
  static Result<Recorder> start(const files::Home& home, const store::RunRecord& run);
  Recorder(Recorder&&) noexcept;
  ~Recorder();

  /// What was added first is written first. `workspaces` are jobs whose artifacts are among the
  /// changes: until these are on record, the workspace is all there is of them.
  void add(store::RunChanges changes, std::vector<std::size_t> workspaces);
  /// Readable when there is something to take.
  int fd() const;
  /// The jobs whose workspaces are not needed any more. The error is that of the first transaction
  /// that could not be written; none is tried after it.
  Result<std::vector<std::size_t>> take();
  /// Waits until everything is written, then takes what is left.
  Result<std::vector<std::size_t>> finish();

 private:
  struct State;
  explicit Recorder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dstack::run

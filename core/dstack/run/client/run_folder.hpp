// The folder of a run that is about to be recorded. It is made and locked first, so that nobody
// finds a run on record without both, and its name goes to the disk while the plan is made: a run
// whose name was printed has its folder after a power cut, too.
#pragma once

#include "dstack/base/error.hpp"
#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/files/home.hpp"
#include "dstack/run/removal/folder_notice.hpp"

#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace dstack::run {

class RunFolder {
 public:
  /// Nothing: there is a folder of this name, so somebody else has taken it.
  static Result<std::optional<RunFolder>> make(const files::Home& home, const std::string& run);
  RunFolder(RunFolder&& other) noexcept;
  /// Removes it, unless the run was recorded.
  ~RunFolder();

  /// Waits until its name is on the disk. To be called once, before the run is recorded.
  Result<void> finish();
  /// The run is on record: its lock, for the supervisor.
  Fd recorded() &&;

 private:
  RunFolder(Path folder, std::unique_ptr<RunFolderNotice> notice);
  void begin_sync();

  Path folder_;
  std::unique_ptr<RunFolderNotice> notice_;
  Fd lock_;
  std::unique_ptr<Result<void>> synced_;  ///< written by the thread
  std::jthread syncing_;
};

}  // namespace dstack::run

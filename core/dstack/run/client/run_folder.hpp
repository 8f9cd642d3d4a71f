// The folder of a run that is about to be recorded. It is made and locked first, so that nobody
// finds a run on record without both, and its name is on the disk before the run is on record: a
// run whose name was printed has its folder after a power cut, too.
#pragma once

#include "dstack/base/error.hpp"
#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/files/home.hpp"
#include "dstack/run/removal/folder_notice.hpp"

#include <memory>
#include <optional>
#include <string>

namespace dstack::run {

class RunFolder {
 public:
  /// Nothing: there is a folder of this name, so somebody else has taken it.
  static Result<std::optional<RunFolder>> make(const files::Home& home, const std::string& run);
  RunFolder(RunFolder&& other) noexcept;
  /// Removes it, unless the run was recorded.
  ~RunFolder();

  /// Its name goes to the disk. Before the run is recorded, unless its supervisor has done it.
  Result<void> sync() const;
  /// The run is on record: its lock, for the supervisor.
  Fd recorded() &&;

 private:
  RunFolder(Path folder, std::unique_ptr<RunFolderNotice> notice);

  Path folder_;
  std::unique_ptr<RunFolderNotice> notice_;
  Fd lock_;
};

}  // namespace dstack::run

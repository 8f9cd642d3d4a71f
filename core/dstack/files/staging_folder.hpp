// A folder in the home's tmp/ for what is being made, removed with the object. Its maker holds a
// lock on it for as long as it lives: one whose lock is free was left by a process that died, and
// is removed by the next command (files/abandoned.hpp).
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/files/home.hpp"

#include <string_view>

namespace dstack::files {

class StagingFolder {
 public:
  /// `purpose` is part of its name.
  static Result<StagingFolder> make(const Home& home, std::string_view purpose);
  /// One elsewhere: `prefix` is how its name begins, and that of nothing else there. Removes those
  /// that were left there.
  static Result<StagingFolder> make_in(const Path& parent, std::string_view prefix);

  const Path& path() const { return folder_.path(); }

  /// The open folder.
  int fd() const { return lock_.get(); }

 private:
  static Result<StagingFolder> make_held(const Path& parent, std::string_view prefix);

  StagingFolder(Fd lock, TemporaryFolder folder)
      : lock_(std::move(lock)), folder_(std::move(folder)) {}

  Fd lock_;  ///< first: released only when the folder is gone
  TemporaryFolder folder_;
};

/// Whether this is the name of a folder in the home's tmp/ that has an owner.
bool is_staging_folder(std::string_view name);
/// Removes a staging folder without an owner. What cannot be removed stays.
void remove_abandoned_staging_folder(const Path& path);
/// All those below `parent`.
void remove_abandoned_staging_folders(const Path& parent, std::string_view prefix);
/// Those of the home. Further things that a dead process left there: files/abandoned.hpp.
void remove_abandoned_staging_folders(const Home& home);

}  // namespace dstack::files

// A folder in the home's tmp/ for what is being made, removed with the object. Its maker holds a
// lock on it for as long as it lives: one whose lock is free was left by a process that died, and
// is removed when the next one is made.
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

  const Path& path() const { return folder_.path(); }

  /// The open folder.
  int fd() const { return lock_.get(); }

 private:
  StagingFolder(Fd lock, TemporaryFolder folder)
      : lock_(std::move(lock)), folder_(std::move(folder)) {}

  Fd lock_;  ///< first: released only when the folder is gone
  TemporaryFolder folder_;
};

/// Removes staging folders without an owner. What cannot be removed stays.
void remove_abandoned_staging_folders(const Home& home);

}  // namespace dstack::files

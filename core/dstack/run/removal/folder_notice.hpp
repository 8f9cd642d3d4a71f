// The folder of a run is made before the run is on record, and removed after it is off: whoever
// dies between the two leaves a folder of no run. So both say beforehand, in the home's tmp/, which
// folder it is about, and the next command removes what is left.
#pragma once

#include "dstack/files/held_file.hpp"
#include "dstack/files/home.hpp"

#include <optional>
#include <string>

namespace dstack::run {

class RunFolderNotice {
 public:
  /// Where none can be made, on a full disk for example, the work goes on without it.
  RunFolderNotice(const files::Home& home, const std::string& run);
  RunFolderNotice(const RunFolderNotice&) = delete;
  RunFolderNotice& operator=(const RunFolderNotice&) = delete;

  bool is_made() const { return held_.has_value(); }

  /// The run is on record and has its folder, or neither. Without this call the notice outlives the
  /// object, and the next command looks what has become of the two.
  void settle();

 private:
  std::optional<files::HeldFile> held_;
};

/// Removes the folders that notices of dead processes are about, where there is no such run. Never
/// that of a run which is being submitted: its lock is held.
void remove_abandoned_run_folders(const files::Home& home);

}  // namespace dstack::run

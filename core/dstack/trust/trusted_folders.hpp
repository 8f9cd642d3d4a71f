// The folders that a user trusts although others can write there: those of `dstack trust`, and
// those of DSTACK_TRUST. What is in them, at any depth, is believed whoever wrote it.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/base/time.hpp"

#include <optional>
#include <string>
#include <vector>

namespace dstack::trust {

struct TrustedFolder {
  Path folder;                     ///< a real path
  std::optional<Timestamp> since;  ///< nothing for one of the variable
};

/// `trusted-folders.json` of `$XDG_CONFIG_HOME/dstack`, by default `~/.config/dstack`: not of the
/// home, which may be what is to be trusted. A HOME of somebody else, as `sudo` may leave it, is
/// not the caller's: then it is the folder of the system's user list.
Path trusted_folders_file();

/// The list of the file. Not locked: of two changes at once one is lost.
class TrustedFolders {
 public:
  /// A file that is not there trusts nothing. One that others could change is an error.
  static Result<TrustedFolders> load(const Path& file);

  const std::vector<TrustedFolder>& folders() const { return folders_; }

  /// False: it was trusted before. A real path.
  bool add(const Path& folder);
  /// False: it was not on the list.
  bool remove(const Path& folder);
  Result<void> save() const;

 private:
  Path file_;
  std::vector<TrustedFolder> folders_;  ///< by path
};

/// What DSTACK_TRUST says: folders separated by ':'. Ignored in a program with raised privileges.
struct TrustVariable {
  std::vector<TrustedFolder> folders;
  std::vector<std::string> passed_over;  ///< what is not an absolute path
};

TrustVariable trust_variable();

/// Those of the variable and of the list. A list that others could change holds none.
std::vector<Path> all_trusted_folders();

/// Whether one of them is the folder, or above it.
bool is_trusted(const Path& folder);

}  // namespace dstack::trust

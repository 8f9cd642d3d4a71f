// Whether another user could replace a library: its code would then run as this user. What decides
// is who owns, and who may write to, the file and every folder on the way to it, links included.
#pragma once

#include "dstack/base/file.hpp"

#include <set>
#include <string>
#include <vector>

namespace dstack::provider {

class ReplacementCheck {
 public:
  /// Succeeds when only this user and root can replace `file`. The message then says who else can,
  /// the hint is the command that fixes it. Folders are looked at once for all files.
  Result<void> examine(const Path& file);

 private:
  struct Findings {
    std::vector<std::string> foreign;   ///< owned by another user
    std::vector<std::string> writable;  ///< by others
  };

  Result<void> walk(const Path& file, Findings& findings);

  std::set<std::string> safe_folders_;
};

}  // namespace dstack::provider

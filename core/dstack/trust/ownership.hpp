// Who can change what is at a path: the owners of the file and of every folder on the way to it,
// links included, and whoever they let write. Only looks; belief.hpp says what follows.
#pragma once

#include "dstack/base/file.hpp"

#include <functional>
#include <set>
#include <string>
#include <vector>

#include <sys/stat.h>
#include <sys/types.h>

namespace dstack::trust {

/// What is at the end of a path.
enum class Kind {
  file,
  folder,   ///< names are looked for in it, so nobody else may add any: a sticky bit is no help
  program,  ///< the system's count as root's where this user namespace does not know root
};

/// For whom the question is asked.
struct Caller {
  uid_t user = 0;
  /// Whether members of a group are no others: it is the user's primary one, or root's.
  std::function<bool(gid_t)> is_own_group;
  /// Whether this number stands for all owners that the user namespace does not know, the
  /// machine's root among them.
  std::function<bool(uid_t)> is_unknown_owner;
};

/// This process.
const Caller& this_caller();

/// Why a file could change without the caller and root.
struct Exposure {
  struct Foreign {
    std::string path;
    uid_t owner = 0;
  };

  std::vector<Foreign> foreign;       ///< belongs to another user
  std::vector<std::string> writable;  ///< others may write to it

  bool empty() const { return foreign.empty() && writable.empty(); }

  /// "'/data' belongs to user 'bob'", else "others can write to '/data'".
  std::string describe() const;
};

/// Looks at paths, and at each folder once. For one thread.
class OwnershipWalk {
 public:
  explicit OwnershipWalk(const Caller& caller = this_caller()) : caller_(&caller) {}

  /// Of the part of the path that exists. unavailable: something on the way cannot be looked at.
  Result<Exposure> look_at(const Path& path, Kind kind);

 private:
  bool is_foreign(const struct stat& status, bool is_last, Kind kind) const;
  bool is_writable(const std::string& path,
                   const struct stat& status,
                   bool is_last,
                   Kind kind) const;
  bool group_is_others(const std::string& path, gid_t group) const;

  const Caller* caller_;
  std::set<std::string> closed_folders_;  ///< that were seen on the way to something
};

}  // namespace dstack::trust

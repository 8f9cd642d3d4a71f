// A cache of the versions of interpreters, in `environments/interpreters`, so that a second choice
// starts no process. An entry is valid while the program's file has the same inode, size and
// modification time. Losing the cache only costs time.
#pragma once

#include "dstack/python/search.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dstack::python {

class KnownInterpreters {
 public:
  /// A missing or damaged file is an empty cache. An empty path: nothing is kept.
  static KnownInterpreters load(const Path& file);

  /// The interpreter of a candidate, which is started if it is not known yet. Nothing when it does
  /// not run.
  std::optional<Interpreter> identify(const Candidate& candidate, const Lookup& environment);
  /// Interpreters that were found behind a shim earlier and still exist.
  std::vector<Candidate> behind_shims() const;
  /// Writes new entries. A failure is only logged.
  void save() const;

 private:
  struct Entry {
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::int64_t modified = 0;  ///< nanoseconds since 1970
    std::string version;
    bool behind_shim = false;
  };

  std::optional<std::string> recall(const Path& program) const;
  void remember(const Path& program, const std::string& version, bool behind_shim);
  static std::optional<Entry> facts_of(const Path& program);

  Path file_;
  std::map<std::string, Entry> entries_;
  bool changed_ = false;
};

}  // namespace dstack::python

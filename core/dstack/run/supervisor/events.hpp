// What a supervisor waits for between two turns of its loop.
#pragma once

#include "dstack/base/error.hpp"
#include "dstack/run/supervisor/artifact_saver.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace dstack::run {

/// All that has happened since the wait before. Leases that may have become free are not part
/// of it: each turn asks.
struct Happened {
  std::vector<std::string> mail;      ///< in the order in which it came
  std::vector<SavedArtifacts> saved;  ///< what the artifact saver has finished
  std::vector<std::size_t> recorded;  ///< jobs whose workspaces are not needed any more
  std::vector<std::size_t> ended;     ///< jobs whose runners are gone, to be collected
  bool found = false;                 ///< an adopted runner is reached only now
};

/// For one thread.
class Events {
 public:
  virtual ~Events() = default;

  /// Returns when something has happened, or may have. On an error the run cannot go on.
  virtual Result<Happened> wait() = 0;
};

}  // namespace dstack::run

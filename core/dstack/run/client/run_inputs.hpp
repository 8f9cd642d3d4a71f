// The inputs of a run, found again: beside its code in a folder of the user's.
#pragma once

#include "dstack/plan/plan.hpp"
#include "dstack/store/objects/objects.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace dstack::run {

struct WrittenInputs {
  std::size_t inputs = 0;             ///< that are in the folder now
  std::vector<std::string> warnings;  ///< sentences: what has gone, what has changed since the run
  bool complete = true;               ///< nothing has gone
};

/// Lays the inputs of all workflows of a run below `folder`, which holds its code: copies as they
/// were, links to where they are. `project` is the project's folder as it is now.
Result<WrittenInputs> write_inputs(const plan::Plan& plan,
                                   const Path& project,
                                   const store::ObjectStore& objects,
                                   const Path& folder);

}  // namespace dstack::run

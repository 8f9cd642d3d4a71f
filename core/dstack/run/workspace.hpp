// The folder a job works in: its own, made from the code and the inputs, never the user's. Made
// here by reflink or copy; another way to make one (an overlay, the project itself) is another
// implementation of this interface.
#pragma once

#include "dstack/store/objects.hpp"

#include <memory>
#include <string>
#include <vector>

namespace dstack::run {

class Workspace {
 public:
  virtual ~Workspace() = default;

  virtual const Path& folder() const = 0;
  /// Lays out the code, then each input over it. `warnings` names files that two of them hold.
  virtual Result<void> make(const store::TreeReference& code,
                            const std::vector<store::TreeReference>& inputs,
                            std::vector<std::string>& warnings) = 0;
  virtual Result<void> remove() = 0;
};

std::unique_ptr<Workspace> private_copy(const store::Home& home, const Path& job_folder);

}  // namespace dstack::run

// Trees of the store as files on disk, laid out once and then used by any number of jobs at the
// same time as the lower layers of their workspaces. Nobody writes to them.
//
//   layers/<machine>-<boot>/<name>        a tree with its times
//   layers/<machine>-<boot>/<name>.lock   held, together, by everybody who uses it
//   layers/<machine>-<boot>/<name>.making held by the one who makes it
//
// They are a cache. Nothing of them is brought to the disk, so that they do not outlive the boot in
// which they were made: what a power cut has left of one is never believed.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/store/objects/objects.hpp"

#include <string>

namespace dstack::store {

/// One that is in use, and stays as long as this does.
struct Layer {
  std::string name;  ///< in layers_folder(): digits and letters
  Fd use;
};

/// Where those of this boot are.
Path layers_folder(const files::Home& home);

/// Finds it or makes it, waiting for another process that does. Large files are those of the store
/// under a second name, small ones copies. When one is made, layers of earlier boots of this machine
/// are removed, and those that nobody uses but for the 20 that were used last.
Result<Layer> provide_layer(const ObjectStore& objects, const job::TreeReference& tree);

}  // namespace dstack::store

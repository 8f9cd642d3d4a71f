// Trees of the store as files on disk, laid out once and then used by any number of jobs at the
// same time as the lower layers of their workspaces. Nobody writes to them.
//
//   layers/<machine>-<boot>/<name>        a tree with its times; or what makes it of another one
//                                         that is here, as an overlay shows the one over the other;
//                                         or several trees in one
//   layers/<machine>-<boot>/<name>.lock   held, together, by everybody who uses it; says of which
//                                         tree it is all, or of which it has something
//   layers/<machine>-<boot>/<name>.making held by the one who makes it
//
//   layers/<machine>-<boot>/<name>.large  size and time of its largest files
//
// What is laid out is proven to be what was saved. What is used again is not read again: a write to
// an object that is a file of it under a second name shows by the time of the file, for the largest
// 4,096 of each layer. Once any object was found damaged or missing, all that was laid out before
// is not used any more.
//
// They are a cache. Nothing of them is brought to the disk, so that they do not outlive the boot in
// which they were made: what a power cut has left of one is never believed.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/store/objects/objects.hpp"

#include <functional>
#include <string>
#include <vector>

namespace dstack::store {

/// A tree that is in use, and stays as long as this does.
struct Layer {
  std::vector<std::string> names;  ///< in layers_folder(): digits and letters; the uppermost first
  std::vector<Fd> uses;
};

/// What an overlay has below a layer.
enum class Below {
  nothing,
  others,  ///< of which it must hide no more than the tree itself would
};

/// Where those of this boot are.
Path layers_folder(const files::Home& home);

/// Finds it or makes it, waiting for another process that does. Large files are those of the store
/// under a second name, small ones copies. Of a tree that differs little from one that is there
/// only the difference is made. When one is made, layers of earlier boots of this machine are
/// removed, and those that nobody uses but for the 20 that were used last.
Result<Layer> provide_layer(const ObjectStore& objects,
                            const job::TreeReference& tree,
                            Below below);

/// Those of this boot that have something of a tree which is not needed, in use or not.
std::vector<Path> layers_without(const files::Home& home,
                                 const std::function<bool(const Digest& tree)>& is_needed);
/// Unless somebody uses it.
void remove_layer(const Path& layer);

/// All of them as one layer, the later over the earlier: a kernel overlays only so many.
Result<Layer> provide_merged_layer(const ObjectStore& objects,
                                   const std::vector<job::TreeReference>& trees);

}  // namespace dstack::store

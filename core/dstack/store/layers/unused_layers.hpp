// Which layers go, and how they are locked. Internal to store/layers.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"

#include <string>
#include <vector>

namespace dstack::store {

/// The lock of a layer, made where it is missing, and held together with others: the layer is not
/// removed meanwhile, and counts as used now.
Result<Fd> lock_layer(const Path& layer);

/// Names of the layers in a folder, the one that was used last first.
std::vector<std::string> layers_by_last_use(const Path& folder);

/// Removes one that nobody uses.
void remove_if_unused(const Path& layer);

/// Removes those that nobody uses, but for the 20 that were used last; and beside the folder, which
/// is of this boot, those of this machine's earlier ones.
void remove_unused_layers(const Path& folder);

}  // namespace dstack::store

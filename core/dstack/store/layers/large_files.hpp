// The large files of a layer are objects of the store, under a second name: what is written to the
// object is seen in the layer. Such a write leaves another time or size behind. Internal to
// store/layers.
#pragma once

#include "dstack/base/file.hpp"

namespace dstack::store {

/// Remembers the largest files of a layer that was just laid out in `folder`, beside the layer: up
/// to 4,096 of them, which are looked at in a few milliseconds.
Result<void> remember_large_files(const Path& folder, const Path& layer);

/// Whether one of them was written to, or has gone, since it was laid out. Costs a look at each.
bool has_changed(const Path& layer);

void forget_large_files(const Path& layer);

}  // namespace dstack::store

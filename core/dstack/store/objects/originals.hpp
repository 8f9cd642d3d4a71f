// Files that became objects of the store under a second name (Originals::go).
#pragma once

#include "dstack/files/home.hpp"

namespace dstack::store {

/// Of a folder that was to be removed and stays after all: its files that have a second name become
/// private copies, with their modes and times, so that whoever changes them changes no object. The
/// folder is on the file system of the home, and nothing else uses it. An error leaves the rest as
/// it is.
Result<void> take_back_originals(const files::Home& home, const Path& folder);

}  // namespace dstack::store

// Whether a project has run before, which counts as the user's agreement to it.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/store/records/records.hpp"

namespace dstack::run {

/// True when its last run on record was submitted from this folder. Runs that a project took along
/// when it moved here do not count: another clone of a public repository looks the same.
Result<bool> has_run_before(store::Records& records, const Path& project);

}  // namespace dstack::run

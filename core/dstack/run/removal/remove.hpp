// Removing runs for good, with what nothing else needs of what they saved.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"
#include "dstack/store/space/unneeded.hpp"

#include <vector>

namespace dstack::run {

/// Of finished, untagged runs: their rows, then their folders, then what is free in the store. If
/// this process is killed, the next command does the rest (folder_notice.hpp, free_removed()).
Result<store::Removed> remove(const files::Home& home,
                              store::Records& records,
                              const std::vector<store::RunRecord>& runs);

}  // namespace dstack::run

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
/// What a removal that was killed has left in the store. Cheap when there is nothing; does nothing
/// while somebody else removes. What fails is left to the next one.
void finish_removals(const files::Home& home, store::Records& records);

}  // namespace dstack::run

// The clock by which a supervisor records what happens in its run.
#pragma once

#include "dstack/job/run_clock.hpp"
#include "dstack/run/supervisor/journal.hpp"
#include "dstack/store/records/run_record.hpp"

#include <vector>

namespace dstack::store {
class Records;
}  // namespace dstack::store

namespace dstack::run {

/// The latest moment that is on record of a run.
job::Moment last_moment(const store::RunRecord& run, const std::vector<store::JobRecord>& jobs);

/// That of the run. One of an earlier boot, or of an older dstack, first goes on in this boot, also
/// on record. For any number of threads.
Result<Clock> start_clock(store::Records& records, store::RunRecord& run);

}  // namespace dstack::run

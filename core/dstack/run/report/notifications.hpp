// Telling the end of a run to those whom `on_end` names. Whom, is on record together with the end
// itself; the telling comes after, when nobody waits for the run any more, and a supervisor that
// is killed meanwhile leaves it to the next one (decision 14).
#pragma once

#include "dstack/config/settings/on_end.hpp"
#include "dstack/files/home.hpp"
#include "dstack/job/status.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"

#include <chrono>
#include <cstddef>
#include <vector>

namespace dstack::run {

/// Those who want to know of a run that ends like this.
std::vector<store::NewNotification> notifications_for(
    const std::vector<config::Receiver>& receivers, job::Status status);

/// Tells all that are still to be told of a finished run's end, side by side, and returns when
/// nobody is left: each was told, or given up. Returns at once where there is nobody. Fails when
/// the records cannot be read or written; who was not told by then still is on record.
Result<void> send_notifications(const files::Home& home,
                                store::Records& records,
                                const store::RunRecord& run);

/// How long after so many failed attempts the next one follows, when the receiver has that wish.
std::chrono::milliseconds wait_after(std::size_t attempts,
                                     std::chrono::milliseconds first_wait,
                                     std::chrono::milliseconds wish);

}  // namespace dstack::run

// Notifies the receivers that `on_end` names of the end of a run. They are recorded together with
// the end itself; delivery comes after that, when nobody waits for the run any more, and a
// supervisor that is killed meanwhile leaves it to the next one (decision 14).
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

/// The notifications for a run that ends with this status.
std::vector<store::NewNotification> notifications_for(
    const std::vector<config::Receiver>& receivers, job::Status status);

/// Delivers all waiting notifications of a finished run, in parallel, and returns when none is
/// left: each was delivered, or given up. Fails when the records cannot be read or written; what
/// was not delivered by then is still recorded as waiting.
Result<void> send_notifications(const files::Home& home,
                                store::Records& records,
                                const store::RunRecord& run);

/// How much is left of the wait before the next attempt, for a supervisor that takes over: the wall
/// clock says so, which may have been set meanwhile. Never more than all of it.
std::chrono::milliseconds time_left(const store::NotificationRecord& record, Timestamp at);

/// How long to wait after so many failed attempts; `retry_after` is what the receiver asked for.
std::chrono::milliseconds wait_after(std::size_t attempts,
                                     std::chrono::milliseconds first_wait,
                                     std::chrono::milliseconds retry_after);

}  // namespace dstack::run

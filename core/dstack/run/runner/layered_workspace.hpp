// A job's workspace as an overlay over layers that many jobs share (store/layers): its runner goes
// into a namespace first, and mounts it there. Where that cannot be, the workspace is a copy.
#pragma once

#include "dstack/overlay/namespace.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/run/runner/job_attempt.hpp"

#include <optional>

namespace dstack::run {

/// Whether the code and the inputs are copied in a moment.
bool has_little_to_lay_out(const JobOrder& order);

/// For a runner that has done nothing yet. Nothing: there is nothing to gain, or it is refused.
/// There is no way back from a user namespace, in which no supervisor must be started. So a runner
/// that goes into one goes on as a child of itself: what was called first passes on signals,
/// starts a supervisor at the end if the run lacks one, and does not return.
std::optional<overlay::Namespace> enter_namespace(const JobOrder& order);

/// Lays out and mounts what the order says, as attempt.workspace, which is then to be made. In an
/// attempt without a namespace, and where the kernel refuses, that stays what it was.
Result<void> mount_workspace(JobAttempt& attempt);

}  // namespace dstack::run

// What the job of an order is kept from, where its workflow or `config.yaml` has a `sandbox`: the
// paths that it needs, out of what is prepared for it.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/run/runner/job_attempt.hpp"
#include "dstack/run/runner/preparation.hpp"

namespace dstack::run {

/// The folder of what a sandboxed job writes outside of its workspace: its TMPDIR and its HOME.
Path sandbox_folder(const Path& attempt_folder);

/// Makes that folder, and completes `job.launch`: its confinement and the variables that follow
/// from it. Does nothing for a job without a sandbox. unavailable: something that is to be opened
/// is not there.
Result<void> confine(const JobAttempt& attempt, PreparedJob& job);

}  // namespace dstack::run

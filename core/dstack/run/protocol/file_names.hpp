// The files of a run and of its jobs in the user's home.
#pragma once

#include "dstack/files/home.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace dstack::run {

/// The folder of one attempt of a job. The first has the job's own; what a later one leaves never
/// stands where that of an earlier stood.
Path attempt_folder(const files::Home& home,
                    const std::string& run,
                    std::size_t job,
                    std::size_t attempt);

namespace file_names {
/// Names in a job's folder (files::Home::job): one log for all attempts.
inline constexpr const char* log = "log";
inline constexpr const char* log_times = "log.times";
inline constexpr const char* packages = "packages";  ///< of its Python environment, a line each
/// In the folder of each attempt.
inline constexpr const char* exit_record = "exit.json";
inline constexpr const char* workspace = "workspace";
/// What a job's container is known by, as long as there is one (backend/container.hpp).
inline constexpr const char* container = "container";
/// The pipe through which a container gets its secrets, until it has them.
inline constexpr const char* secrets = "secrets";
/// What the job's applications keep for themselves: DSTACK_JOB_DIR, while the job lasts.
inline constexpr const char* private_folder = "private";
inline constexpr const char* runner = "wrapper";  ///< identity of the runner, its first act
inline constexpr const char* lock = "lock";  ///< held from before the runner starts until it ends
inline constexpr const char* states = "states";  ///< a line for each state the runner went through
inline constexpr const char* ports = "ports";    ///< their numbers, of a job that has some
/// In a run's folder.
inline constexpr const char* run_lock = "run.lock";  ///< held by the supervisor; holds its identity
/// Grows by a line with each recorded change: the numbers of its jobs, or `all_jobs`.
inline constexpr const char* changes = "changes";
inline constexpr const char* supervisor_log = "supervisor.log";
}  // namespace file_names

inline constexpr std::string_view all_jobs = "all";

}  // namespace dstack::run

// The files of a run and of its jobs in the user's home.
#pragma once

#include "dstack/files/home.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace dstack::run {

/// The folder of one attempt of a job. The first uses the job's folder; a later one never
/// reuses the folder of an earlier one.
Path attempt_folder(const files::Home& home,
                    const std::string& run,
                    std::size_t job,
                    std::size_t attempt);

namespace file_names {
/// Names in a job's folder (files::Home::job): one log for all attempts.
inline constexpr const char* log = "log";
inline constexpr const char* log_times = "log.times";
inline constexpr const char* log_gap = "log.gap";    ///< what is left out of it (log_gap.hpp)
inline constexpr const char* progress = "progress";  ///< of what is copied (job_progress.hpp)
inline constexpr const char* packages = "packages";  ///< of its Python environment, a line each
/// In the folder of each attempt.
inline constexpr const char* exit_record = "exit.json";
/// What becomes the exit record, from before the job starts (runner/exit_record_file.hpp).
inline constexpr const char* reserved_record = "exit.json.reserved";
inline constexpr const char* workspace = "workspace";
/// Of a workspace in layers: what was written over them, and the kernel's own folder.
inline constexpr const char* written = "written";
inline constexpr const char* overlay_work = "overlay";
/// The record of a job's container, as long as there is one (backend/container.hpp).
inline constexpr const char* container = "container";
/// The record of the container of an image's build, while it may be there
/// (backend/image_build.hpp).
inline constexpr const char* build = "build";
/// The pipe through which a container gets its secrets, until it has them.
inline constexpr const char* secrets = "secrets";
/// Private files of the job's applications: DSTACK_JOB_DIR, while the job lasts.
inline constexpr const char* private_folder = "private";
/// What the job reports of itself, as JSON lines: DSTACK_METRICS.
inline constexpr const char* reported_metrics = "metrics.jsonl";
/// What the job installed for itself, laid out like an environment, while the job lasts.
inline constexpr const char* own_packages = "python";
inline constexpr const char* sandbox = "sandbox";  ///< TMPDIR and HOME of a sandboxed job
inline constexpr const char* runner = "wrapper";   ///< identity of the runner, its first act
inline constexpr const char* lock = "lock";  ///< held from before the runner starts until it ends
inline constexpr const char* states = "states";  ///< a line for each state the runner went through
inline constexpr const char* ports = "ports";    ///< their numbers, of a job that has some
/// In a run's folder.
inline constexpr const char* kept = "kept";          ///< a store of its own (kept_changes.hpp)
inline constexpr const char* run_lock = "run.lock";  ///< held by the supervisor; holds its identity
/// Grows by a line with each recorded change: the numbers of its jobs, or `all_jobs`.
inline constexpr const char* changes = "changes";
/// Followed by the id of its first job: the sealed texts of its files of variables.
inline constexpr const char* env_texts = "env_files-";
inline constexpr const char* supervisor_log = "supervisor.log";
}  // namespace file_names

inline constexpr std::string_view all_jobs = "all";

}  // namespace dstack::run

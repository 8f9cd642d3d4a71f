// How a job ended, from what its runner sees while it watches: signals, the reports of an
// agent, the exit status. Functions over the exit record alone.
#pragma once

#include "dstack/job/status.hpp"
#include "dstack/process/spawn.hpp"
#include "dstack/run/protocol/agent.hpp"
#include "dstack/run/protocol/exit_record.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace dstack::run {

/// What a signal to the runner asks for: USR1 for an abort, whenever it comes; any other but CHLD
/// for a stop, unless the job was asked to end before or has exceeded its timeout or its disk.
std::optional<job::StopRequest> requested_stop(int signal, const ExitRecord& record);
/// The same of a job whose end has, or has not, been asked for.
std::optional<job::StopRequest> requested_stop(int signal, bool is_ending);

/// What an agent reports of the job's end, its usage and its warnings. Where it could not start the
/// job, nothing of the job has run.
void record_report(ExitRecord& record, AgentReport report);

/// How the job's own process ended; nothing: it was killed before anybody could see its end.
void record_exit(ExitRecord& record, const std::optional<process::ExitStatus>& status);

/// The sentence for the log when a process of a job was killed for its memory, and the job may go
/// on without it. `limit`: bytes; 0: none.
std::string oom_kill_sentence(std::uint64_t limit);

/// Why a job was stopped that has written more than it may. Both in bytes.
std::string disk_sentence(std::uint64_t written, std::uint64_t limit);

}  // namespace dstack::run

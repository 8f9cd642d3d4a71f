// What a job took of the machine, and what its limits did to it, put into its exit record.
#pragma once

#include "dstack/backend/usage.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/resources/limits.hpp"
#include "dstack/run/protocol/exit_record.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace dstack::run {

/// The agent of a container reports that itself. The record knows how the job ended. One that
/// failed while its memory was used up ran out of memory, whatever signal or exit code it came to;
/// of one that ended well it is a warning. Where each process is held alone nothing is killed:
/// programs are refused more, and only `end_of_log` shows it, which is asked for then; what they
/// map in common they are not refused, and it is a warning.
void record_resources(ExitRecord& record,
                      const resources::Limiter& limiter,
                      const backend::Usage& usage,
                      const job::JobSpec& spec,
                      const std::function<std::string()>& end_of_log);

/// Whether a program says that it was refused memory: as the C library, C++, Python, NumPy
/// or PyTorch put it. Memory of a GPU is another matter.
bool mentions_refused_memory(std::string_view log);

}  // namespace dstack::run

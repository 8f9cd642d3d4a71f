// Puts the usage of a job, and the effects of its limits, into its exit record.
#pragma once

#include "dstack/backend/usage.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/resources/limits.hpp"
#include "dstack/run/protocol/exit_record.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace dstack::run {

/// Nothing for a container, whose agent reports it. The record knows how the job ended. A job that
/// failed while its memory was used up ran out of memory, whatever its signal or exit code; for one
/// that succeeded it is a warning. Where each process is limited by itself nothing is killed:
/// allocations fail, and only `end_of_log` shows it, which is called then; shared mappings are not
/// limited, and exceeding the limit with them is a warning.
void record_resources(ExitRecord& record,
                      const resources::Limiter& limiter,
                      const backend::Usage& usage,
                      const job::JobSpec& spec,
                      const std::function<std::string()>& end_of_log);

/// Whether a program says that it was refused memory: in the messages of the C library,
/// C++, Python, NumPy or PyTorch. Memory of a GPU does not count.
bool mentions_refused_memory(std::string_view log);

}  // namespace dstack::run

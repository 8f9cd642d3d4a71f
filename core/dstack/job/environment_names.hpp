// Names in a job's environment that are not the user's to set (spec, section 5).
#pragma once

#include "dstack/base/error.hpp"

#include <string_view>

namespace dstack::job {

/// What the runner itself sets in every job: `RUN_NAME`, `JOB_PORT_0`, `CUDA_VISIBLE_DEVICES`, …
bool is_reserved_environment_name(std::string_view name);
/// For somebody's setting such a name at `where`.
Error reserved_name_error(std::string_view name, SourceLocation where, ErrorCode code);
/// What a job takes over from the caller: `PATH`, `LC_ALL`, `HTTPS_PROXY`, …
bool is_base_environment_name(std::string_view name);

}  // namespace dstack::job

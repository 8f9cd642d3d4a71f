// The installers' settings from the caller's environment and pip's configuration files: index,
// certificates. Both installers get the same settings, whichever they were written for.
#pragma once

#include "dstack/python/python.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dstack::python {

/// NAME=VALUE of what every program started here gets: PATH, HOME, proxies, certificates; nothing
/// else of the caller's environment.
std::vector<std::string> tool_environment(const Lookup& environment);

/// The same and `PIP_*` and `UV_*`, without those that would install packages elsewhere. What is
/// set for pip alone (index, wheels, certificates, in variables or in pip.conf) is translated for
/// uv. `job` overrides what the caller has.
std::vector<std::string> installer_environment(const Lookup& environment, const JobInput& job = {});

/// The variable of this name that a requirement file uses: the job's, else the caller's.
std::optional<std::string> file_variable(const Lookup& environment,
                                         const JobInput& job,
                                         const std::string& name);

/// Whether both installers read it as true: "1", "true", "yes", "on".
bool is_switched_on(std::string_view value);

/// All settings that determine which packages an installation finds: part of an environment's key.
/// May contain passwords: only to be hashed, never shown.
std::string index_settings(const Lookup& environment, const JobInput& job = {});

}  // namespace dstack::python

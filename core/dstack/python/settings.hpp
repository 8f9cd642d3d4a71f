// What the installers are told by the caller's environment and by pip's configuration files: which
// index, which certificates. Both installers get the same settings, whichever of the two they were
// written for.
#pragma once

#include "dstack/python/python.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dstack::python {

/// NAME=VALUE of what every program of this folder's gets: PATH, HOME, proxies, certificates;
/// nothing else of the caller's.
std::vector<std::string> tool_environment(const Lookup& environment);

/// The same and `PIP_*` and `UV_*`, without those that would put packages elsewhere. What is set
/// for pip alone (index, wheels, certificates, in variables or in pip.conf) is translated for uv.
std::vector<std::string> installer_environment(const Lookup& environment);

/// As both installers read a switch: "1", "true", "yes", "on".
bool is_switched_on(std::string_view value);

/// Everything of these settings that decides which packages an installation finds: part of an
/// environment's key. May hold passwords: to be hashed, never to be shown.
std::string index_settings(const Lookup& environment);

}  // namespace dstack::python

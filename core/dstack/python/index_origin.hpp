// Where the settings are that say in which index packages are looked for: for messages.
#pragma once

#include "dstack/python/python.hpp"
#include "dstack/python/requirements.hpp"

#include <string>
#include <vector>

namespace dstack::python {

/// "'index' at .dstack/workflows.yaml:5:12", "'--index-url' at requirements.txt:1", "PIP_INDEX_URL
/// of the job's environment", "'index-url' in /etc/pip.conf". Empty: nothing is set, and both
/// installers look in PyPI.
std::vector<std::string> index_origins(const Requirements& requirements,
                                       const Lookup& environment,
                                       const JobInput& job);

/// The variables that name a proxy for the installers: "HTTPS_PROXY".
std::vector<std::string> proxy_variables(const std::vector<std::string>& environment);

}  // namespace dstack::python

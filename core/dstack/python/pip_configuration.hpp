// pip's configuration files, as far as dstack reads them for uv and for messages.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/python/python.hpp"

#include <map>
#include <string>
#include <vector>

namespace dstack::python {

using Variables = std::map<std::string, std::string>;

/// Those that pip reads, whether or not they exist; a later one wins.
std::vector<Path> pip_configuration_files(const Lookup& environment);

/// Adds [global] and [install] of one file as the equivalent variables. A value may continue in
/// indented lines.
void read_pip_configuration(const Path& file, Variables& variables);

}  // namespace dstack::python

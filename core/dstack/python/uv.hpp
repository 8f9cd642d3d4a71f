// The program uv, if the user has it.
#pragma once

#include "dstack/python/python.hpp"
#include "dstack/python/version.hpp"

#include <optional>
#include <string>

namespace dstack::python {

/// A uv that runs: in PATH, or where its installer puts it. Starts it once, as PATH may have a shim
/// of that name with nothing behind it.
std::optional<std::string> find_uv(const Lookup& environment);

/// `uv python install`. An error has the reason; without access to the internet it returns at once.
Result<Interpreter> fetch_python(const std::string& uv,
                                 const Version& wanted,
                                 const Lookup& environment);

}  // namespace dstack::python

// The program uv, where the user has it.
#pragma once

#include "dstack/python/python.hpp"
#include "dstack/python/version.hpp"

#include <optional>
#include <string>

namespace dstack::python {

/// A uv that runs: in PATH, or where its installer puts it. Starts it once, as a shim of that name
/// may stand in PATH with nothing behind it.
std::optional<std::string> find_uv(const Lookup& environment);

/// `uv python install`. An error says why not; without access to the internet it comes at once.
Result<Interpreter> fetch_python(const std::string& uv,
                                 const Version& wanted,
                                 const Lookup& environment);

}  // namespace dstack::python

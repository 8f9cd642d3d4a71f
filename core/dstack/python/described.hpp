// What the files beside an interpreter say of it. Nothing is started: those of a project that
// somebody only looks at may be anything.
#pragma once

#include "dstack/python/search.hpp"

#include <optional>

namespace dstack::python {

/// Whether a program, or the environment that it belongs to, lies in this folder. Empty: in none.
bool lies_in(const Path& program, const Path& folder);

/// From `pyvenv.cfg` of a virtual environment, or the list of packages of one of conda's. Nothing
/// where neither has a version.
std::optional<Interpreter> describe(const Candidate& candidate);

}  // namespace dstack::python

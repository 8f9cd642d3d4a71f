// What was done with this home, and by whom: the file audit.log, to which entries are only ever
// added (chain.hpp describes it).
//
// Nothing is synced for it: a power cut may take the last entries, which is then found and said.
// Whoever can write to the home can write the whole file anew; what this finds is a change that
// leaves the rest as it is. Safe for any number of threads and processes.
#pragma once

#include "dstack/audit/chain.hpp"
#include "dstack/base/error.hpp"
#include "dstack/files/home.hpp"

#include <string>

namespace dstack::audit {

/// Adds what this process does now. `facts` hold no values of secrets. What cannot be written is
/// only logged: the action has taken place all the same.
void note(const files::Home& home, const std::string& action, Json facts);

/// All of it. A home without one has no entries.
Result<Reading> read(const files::Home& home);

}  // namespace dstack::audit

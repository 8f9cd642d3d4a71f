// Whose files are believed, one rule for all of dstack: what tells it what to run (a project, the
// home with its settings, the vault, a provider's library, an interpreter) belongs to the caller or
// to root, as does every folder on the way to it, and no other user can write there. What is in a
// folder that the user trusts (trusted_folders.hpp) is believed whoever wrote it.
#pragma once

#include "dstack/trust/ownership.hpp"

#include <string>
#include <string_view>

namespace dstack::trust {

/// Why a path is not believed: "'/data' belongs to user 'bob'"; empty: it is. Only what exists of
/// it is looked at, and each folder once in a process. Any thread may call it.
std::string why_not_believed(const Path& path, Kind kind);

/// The same as an error, configuration: "the project '/data' is not used: …", where `subject` is
/// "the project '/data'". Its hint says how the folder `to_trust`, which holds `path`, is trusted.
Result<void> believe(std::string_view subject, const Path& path, Kind kind, const Path& to_trust);

/// For a provider's library, whose error stands after its name: "others could replace it, because
/// they can write to …".
Result<void> believe_library(const Path& library);

/// "'dstack trust /data' …": how what is in the folder is believed all the same.
std::string how_to_trust(const Path& folder);

}  // namespace dstack::trust

// What the jobs of a run changed beside their artifacts is in a store of the run's own, in its
// folder: nothing else refers to it, and it goes with the run.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/job/edits.hpp"
#include "dstack/store/objects/objects.hpp"

#include <optional>
#include <string>

namespace dstack::run {

/// For writing: makes its folders, durably.
Result<store::ObjectStore> make_store_of_changes(const files::Home& home, const std::string& run);
/// That of a run, if there is one.
std::optional<store::ObjectStore> own_store_of_changes(const files::Home& home,
                                                       const std::string& run);
/// Where the edits of a run on record are: earlier versions kept them in the store of the home.
store::ObjectStore store_of_changes(const files::Home& home,
                                    const std::string& run,
                                    const job::Edits& edits);

}  // namespace dstack::run

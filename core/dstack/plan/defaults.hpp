// The `defaults` of a file of workflows become properties of each of them.
#pragma once

#include "dstack/config/project/project.hpp"
#include "dstack/provider/discovery/registry.hpp"

namespace dstack::plan {

/// Each workflow gets what its file's `defaults` say and its provider takes, unless it says so
/// itself, under whichever name; `null` says that it has none. Of the maps `environment` and
/// `resources` it gets the entries that it lacks. A default that no workflow of the file can take
/// becomes a finding, and so does one that a provider requires of each workflow.
void apply_defaults(config::Project& project, const provider::Registry& providers);

}  // namespace dstack::plan

// JSON Schemas (draft 2020-12) of the files of a project, for editors and other programs. They say
// what a file alone can be judged by; references between workflows, and the values of `${{ … }}`,
// only loading the project can judge.
#pragma once

#include "dstack/base/json.hpp"
#include "dstack/provider/discovery/registry.hpp"

namespace dstack::provider {

/// Of `.dstack/workflows.yaml`, with the properties of every provider that was taken.
Json workflows_schema(const Registry& providers);
/// Of `.dstack/variables.yaml`.
Json variables_schema();

}  // namespace dstack::provider

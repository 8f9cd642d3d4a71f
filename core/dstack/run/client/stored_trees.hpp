// What the runs on record need of the stores.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/store/check/check.hpp"
#include "dstack/store/objects/objects.hpp"
#include "dstack/store/records/records.hpp"

#include <vector>

namespace dstack::run {

/// The trees that are named in one store.
struct NamedTrees {
  store::ObjectStore objects;
  std::vector<store::Root> roots;
};

/// The home's store first, then those of what jobs left beside their artifacts, of the runs that
/// have one: code, copied inputs, artifacts and kept changes of all runs.
Result<std::vector<NamedTrees>> trees_on_record(const files::Home& home, store::Records& records);

}  // namespace dstack::run

// The artifacts of several combinations of a sweep, as one input of a job that depends on all of
// them: `model/weights.bin` of the combination `lr=0.1` is `model/lr=0.1/weights.bin`, and
// `model/combinations.csv` lists what there is.
#pragma once

#include "dstack/job/artifact.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/store/objects/objects.hpp"
#include "dstack/sweep/combination.hpp"

#include <string>
#include <vector>

namespace dstack::run {

struct GatheredArtifact {
  std::string path;  ///< as in job::Artifact
  job::TreeReference tree;
  std::string folder;  ///< `lr=0.1/seed=2`
  sweep::Combination combination;
};

/// One tree of all of them, the same for the same artifacts. It stays as `objects` does.
Result<job::TreeReference> gather(store::ObjectStore& objects,
                                  const std::vector<GatheredArtifact>& artifacts);

}  // namespace dstack::run

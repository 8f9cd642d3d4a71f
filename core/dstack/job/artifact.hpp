// What a job saved, as records, plans and orders name it.
#pragma once

#include "dstack/base/json.hpp"
#include "dstack/job/secret_findings.hpp"
#include "dstack/job/tree_reference.hpp"

#include <string>

namespace dstack::job {

struct Artifact {
  std::string workflow = {};
  std::string path = {};         ///< from the project's root, normal; or the pattern
  TreeReference tree = {};       ///< holds at that path what was there, or all that it matched
  bool partial = false;          ///< saved by a job that did not succeed
  SecretFindings exposure = {};  ///< secrets of the job that it contains
};

/// Without what was found in it.
void to_json(Json& json, const Artifact& artifact);
void from_json(const Json& json, Artifact& artifact);

}  // namespace dstack::job

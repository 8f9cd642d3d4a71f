// The secrets that the jobs of a project may get.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/store/records/records.hpp"

#include <string>
#include <vector>

namespace dstack::run {

struct ProjectSecrets {
  /// Of the project, and of the user; where two become one variable, the project's comes later.
  std::vector<std::string> names;
  std::vector<std::string> withheld;  ///< plan::PlanningContext::withheld_secrets
};

Result<ProjectSecrets> secrets_of(const files::Home& home,
                                  const Path& project,
                                  store::Records& records);
/// True when the project's last run on record was submitted from this folder: who runs it again has
/// agreed to it. Runs that a project took along when it moved here do not count: another clone of a
/// public repository looks the same.
Result<bool> has_run_before(store::Records& records, const Path& project);

}  // namespace dstack::run

// Secrets of one job. An order contains only references, on disk and in transit; the process that
// carries it out puts the values in, from the vault as it is at that moment. A later supervisor and
// a later attempt do the same again, and get the new value if it was changed meanwhile.
#pragma once

#include "dstack/run/protocol/job_order.hpp"
#include "dstack/secrets/masker.hpp"

#include <string>
#include <vector>

namespace dstack::run {

/// What a job's output must not show, and what its artifacts are scanned for.
struct JobSecrets {
  secrets::Needles needles;
  std::vector<std::string> names;  ///< of the values of the needles, in their order
  std::vector<std::string> values;
};

/// Puts the values into the order: its environment, also from files of variables, the account at a
/// registry, the package indexes, and what a provider keeps for its native job. Returns the values,
/// for masking and scanning. not_found when a secret that the files refer to is gone; for one that
/// every job gets there is only a warning, and its variable is omitted. Does nothing, and opens
/// nothing, for a job without secrets.
Result<JobSecrets> resolve_secrets(JobOrder& order, std::vector<std::string>& warnings);

}  // namespace dstack::run

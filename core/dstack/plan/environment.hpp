// The environment of a job, layer by layer (spec, section 5). What only exists once a run begins
// (JOB_ID, …) is filled in by run/supervisor/job_environment.
#pragma once

#include "dstack/plan/plan.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dstack::plan {

/// What every job gets from the caller's environment, sorted by name: the spec's list and nothing
/// else.
std::vector<EnvironmentVariable> base_environment(
    const std::vector<std::pair<std::string, std::string>>& caller);

/// What one job gets of the plan's base: all of it; in a container, which lacks the caller's
/// folders and locales, the proxies and what is not the caller's.
std::vector<EnvironmentVariable> base_of(const Plan& plan, const PlannedJob& job);

/// Collects layers from the lowest to the highest.
class EnvironmentLayers {
 public:
  void add(std::string name, std::string value, VariableOrigin origin) {
    all_.push_back({std::move(name), std::move(value), std::move(origin)});
  }

  void add(const std::vector<EnvironmentVariable>& layer) {
    all_.insert(all_.end(), layer.begin(), layer.end());
  }

  /// One entry a name, that of the highest layer, sorted by name.
  std::vector<EnvironmentVariable> merge() &&;

 private:
  std::vector<EnvironmentVariable> all_;
};

/// Shown for a value, or the beginning of one, that does not exist before the run does.
inline constexpr const char* known_later = "(set when the run starts)";
/// The reserved variables as a plan shows them: with the value where it is already known.
std::vector<EnvironmentVariable> reserved_environment(const Plan& plan, std::size_t job);
/// Whether two jobs of a plan, of the same environment otherwise, have the same base_of() and
/// reserved_environment(), as far as that is seen without making them. False: it is not known.
bool have_same_surroundings(const PlannedJob& a, const PlannedJob& b);

}  // namespace dstack::plan

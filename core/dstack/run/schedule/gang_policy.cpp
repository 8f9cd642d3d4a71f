#include "dstack/run/schedule/gang_policy.hpp"

#include <algorithm>

namespace dstack::run {

using job::Status;
using job::StopRequest;

bool GangPolicy::is_over(std::size_t job) const {
  return job::is_final(scheduler_.job_status(job)) || attempts_.holds(job);
}

std::vector<std::size_t> GangPolicy::to_stop_with(std::size_t job) const {
  std::vector<std::size_t> others;
  if (!attempts_.failed_first(job))
    return others;
  for (const std::size_t member : scheduler_.gangs().members(job))
    if (member != job && !is_over(member) && scheduler_.job_status(member) != Status::uploading)
      others.push_back(member);
  return others;
}

std::optional<std::size_t> GangPolicy::stopped_for(const store::JobChange& outcome,
                                                   StopRequest request) const {
  if (outcome.status != Status::stopped || request != StopRequest::none)
    return std::nullopt;
  return attempts_.failed_first(outcome.job);
}

std::size_t GangPolicy::unfinished(std::size_t job) const {
  const auto members = scheduler_.gangs().members(job);
  return static_cast<std::size_t>(
      std::count_if(members.begin(), members.end(), [&](std::size_t member) {
        return !job::is_final(scheduler_.job_status(member));
      }));
}

}  // namespace dstack::run

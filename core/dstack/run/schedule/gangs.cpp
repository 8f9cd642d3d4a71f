#include "dstack/run/schedule/gangs.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace dstack::run {

namespace {

/// The master of masters, and how many steps away it is. Masters never form a cycle
/// (plan/jobs.cpp).
std::pair<std::size_t, std::size_t> leader_of(const plan::Plan& plan, std::size_t job) {
  std::size_t steps = 0;
  for (auto master = plan::master_of(plan, job); master; master = plan::master_of(plan, job)) {
    job = *master;
    ++steps;
  }
  return {job, steps};
}

}  // namespace

Gangs::Gangs(const plan::Plan& plan) {
  std::vector<std::size_t> steps(plan.jobs.size());
  leaders_.reserve(plan.jobs.size());
  for (std::size_t job = 0; job < plan.jobs.size(); ++job) {
    leaders_.push_back(job);
    if (!plan.jobs[job].spec.master)
      continue;
    std::tie(leaders_[job], steps[job]) = leader_of(plan, job);
    members_[leaders_[job]].push_back(job);
  }
  for (auto& [leader, members] : members_) {
    members.push_back(leader);
    std::sort(members.begin(), members.end(), [&](std::size_t a, std::size_t b) {
      return std::pair(steps[a], a) < std::pair(steps[b], b);
    });
  }
}

std::span<const std::size_t> Gangs::members(std::size_t job) const {
  const auto found = members_.find(leaders_[job]);
  if (found == members_.end())
    return {&leaders_[job], 1};
  return found->second;
}

}  // namespace dstack::run

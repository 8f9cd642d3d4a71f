#include "dstack/run/schedule/failure_limit.hpp"

#include "dstack/base/text.hpp"
#include "dstack/sweep/address.hpp"

#include <limits>

namespace dstack::run {

namespace {

using job::Status;

constexpr std::size_t none = std::numeric_limits<std::size_t>::max();
/// So many combinations of a sweep that all fail within this time say that the others will, too.
constexpr std::size_t first_of_sweep = 3;
constexpr std::chrono::minutes quickly{1};

}  // namespace

FailureLimit::FailureLimit(const plan::Plan& plan, std::size_t most)
    : plan_(plan), most_(most), sweep_of_(plan.workflows.size(), none) {
  std::string_view last;
  for (std::size_t i = 0; i < plan.workflows.size(); ++i) {
    if (plan.workflows[i].combination.empty())
      continue;
    // Combinations of one workflow are adjacent.
    const std::string_view name = sweep::workflow_of(plan.workflows[i].name);
    if (sweeps_.empty() || name != last)
      sweeps_.emplace_back();
    last = name;
    sweep_of_[i] = sweeps_.size() - 1;
    sweeps_.back().workflows.push_back(i);
  }
}

void FailureLimit::began(std::size_t job, std::chrono::milliseconds elapsed) {
  began_.insert_or_assign(job, elapsed);
}

std::optional<FailureLimit::Verdict> FailureLimit::ended(std::size_t job,
                                                         Status status,
                                                         std::chrono::milliseconds elapsed) {
  const auto begin = began_.find(job);
  const bool quick = begin != began_.end() && elapsed - begin->second < quickly;
  if (begin != began_.end())
    began_.erase(begin);
  const std::size_t workflow = plan_.jobs[job].workflow;
  if (status == Status::failed)
    if (auto verdict = count(workflow))
      return verdict;
  if (sweep_of_[workflow] != none)
    return judge(sweeps_[sweep_of_[workflow]], workflow, status, quick);
  return std::nullopt;
}

std::optional<FailureLimit::Verdict> FailureLimit::count(std::size_t workflow) {
  if (most_ == 0 || !failed_.insert(workflow).second || failed_.size() != most_)
    return std::nullopt;
  Verdict verdict;
  for (std::size_t i = 0; i < plan_.workflows.size(); ++i)
    verdict.workflows.push_back(i);
  verdict.reason = fmt::format(
      "not started, because {} had failed ({})",
      most_ == 1 ? std::string("another") : fmt::format("{} others", most_),
      most_ == 1 ? std::string("--fail-fast") : fmt::format("--max-failures {}", most_));
  return verdict;
}

std::optional<FailureLimit::Verdict> FailureLimit::judge(Sweep& sweep,
                                                         std::size_t workflow,
                                                         Status status,
                                                         bool quick) {
  // A gang ends as one, with the first of its jobs.
  if (status == Status::skipped || !sweep.ended.insert(workflow).second)
    return std::nullopt;
  sweep.fails = sweep.fails && status == Status::failed && quick;
  if (!sweep.fails || sweep.ended.size() != first_of_sweep ||
      sweep.workflows.size() <= first_of_sweep)
    return std::nullopt;
  return Verdict{sweep.workflows,
                 fmt::format("held back, because the first {} combinations all failed within a "
                             "minute",
                             first_of_sweep)};
}

}  // namespace dstack::run

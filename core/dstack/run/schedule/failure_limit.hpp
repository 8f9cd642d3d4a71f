// When failures keep the rest of a run from starting: so many of them as the user allows, or the
// first combinations of a sweep, all of them at once, which is a mistake of all of them. Pure:
// knows no process, no clock, no disk.
#pragma once

#include "dstack/job/status.hpp"
#include "dstack/plan/plan.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace dstack::run {

class FailureLimit {
 public:
  /// `most`: when so many workflows have failed, combinations each for itself, nothing more starts;
  /// 0: there is no limit. `plan` must outlive it.
  FailureLimit(const plan::Plan& plan, std::size_t most);

  /// What is not to start any more, and why.
  struct Verdict {
    std::vector<std::size_t> workflows;
    std::string reason;
  };

  /// A job has begun, so long after the run was submitted.
  void began(std::size_t job, std::chrono::milliseconds elapsed);
  /// A job is over. Nothing: all goes on.
  std::optional<Verdict> ended(std::size_t job,
                               job::Status status,
                               std::chrono::milliseconds elapsed);

 private:
  /// The combinations of one workflow.
  struct Sweep {
    std::vector<std::size_t> workflows;
    std::set<std::size_t> ended;  ///< of these: those of which a job has ended
    bool fails = true;            ///< all that have ended have failed, and quickly
  };

  std::optional<Verdict> count(std::size_t workflow);
  static std::optional<Verdict> judge(Sweep& sweep,
                                      std::size_t workflow,
                                      job::Status status,
                                      bool quick);

  const plan::Plan& plan_;
  std::size_t most_;
  std::set<std::size_t> failed_;       ///< workflows
  std::vector<std::size_t> sweep_of_;  ///< by workflow: index into sweeps_, or none
  std::vector<Sweep> sweeps_;
  std::map<std::size_t, std::chrono::milliseconds> began_;  ///< by job
};

}  // namespace dstack::run

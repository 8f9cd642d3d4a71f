// Which jobs of a plan start together, or not at all: those that are linked by a master. Every
// other job is a gang of one. A value.
#pragma once

#include "dstack/plan/plan.hpp"

#include <cstddef>
#include <map>
#include <span>
#include <vector>

namespace dstack::run {

class Gangs {
 public:
  explicit Gangs(const plan::Plan& plan);

  /// The member that stands for the gang: the master of masters.
  std::size_t leader(std::size_t job) const { return leaders_[job]; }

  /// All of the gang that the job belongs to; every master before those who get its ports.
  std::span<const std::size_t> members(std::size_t job) const;

 private:
  std::vector<std::size_t> leaders_;                         ///< by job
  std::map<std::size_t, std::vector<std::size_t>> members_;  ///< by leader; none of a gang of one
};

}  // namespace dstack::run

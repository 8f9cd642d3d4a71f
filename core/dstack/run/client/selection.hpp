// Which part of a run a user means: a workflow, or combinations of one that is swept.
#pragma once

#include "dstack/store/records/run_record.hpp"

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace dstack::run {

/// `RUN/COMBINATION`, split; the combination may be empty.
std::pair<std::string, std::string> split_part(const std::string& reference);

class Selection {
 public:
  /// All of the run.
  Selection() = default;

  /// `workflow`: its name, or that of one of its combinations in the run (sweep/address.hpp);
  /// empty: any. `combination`: what follows the run's name; empty: all. not_found, with a
  /// suggestion.
  static Result<Selection> make(const store::RunRecord& run,
                                const std::string& workflow,
                                const std::string& combination);

  bool is_all() const { return !workflows_; }

  /// Whether this workflow of the run, by its index, belongs to it.
  bool holds(std::size_t workflow) const { return !workflows_ || workflows_->contains(workflow); }

  /// Whether it is one combination of a workflow that has others.
  bool is_one_combination(const store::RunRecord& run) const;

 private:
  std::optional<std::set<std::size_t>> workflows_;
};

}  // namespace dstack::run

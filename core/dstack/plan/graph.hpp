// Which workflows a run consists of, and in which order: the runtime dependencies of a project as a
// graph.
#pragma once

#include "dstack/config/project/project.hpp"

#include <cstddef>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dstack::plan {

/// Workflows by name, for projects with thousands of them. Refers to the project, which must
/// outlive it.
class WorkflowIndex {
 public:
  explicit WorkflowIndex(const config::Project& project);

  const config::Project& project() const { return project_; }

  /// Of a name that is used twice (a finding), the first.
  std::optional<std::size_t> find(std::string_view name) const;

 private:
  const config::Project& project_;
  std::unordered_map<std::string_view, std::size_t> by_name_;
};

/// The target and everything that it depends on at run time, as indices into the project's
/// workflows: each once, after those it depends on, the target last. Dependencies that do not exist
/// and those that close a cycle are skipped; both are findings of the project.
std::vector<std::size_t> run_order(const WorkflowIndex& index, std::size_t target);
/// The same for every workflow of the project.
std::vector<std::size_t> whole_order(const WorkflowIndex& index);

}  // namespace dstack::plan

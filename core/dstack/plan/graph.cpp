#include "dstack/plan/graph.hpp"

namespace dstack::plan {

namespace {

/// A depth-first walk that lists each workflow after its dependencies. It does not recurse: a
/// chain may be as long as the file allows.
class Walk {
 public:
  explicit Walk(const WorkflowIndex& index)
      : index_(index), seen_(index.project().workflows.size(), false) {}

  void visit(std::size_t root) {
    if (seen_[root])
      return;
    enter(root);
    while (!stack_.empty()) {
      Step& step = stack_.back();
      const auto& dependencies = index_.project().workflows[step.workflow].depends_on;
      if (step.next == dependencies.size()) {
        order_.push_back(step.workflow);
        stack_.pop_back();
        continue;
      }
      const config::Dependency& dependency = dependencies[step.next++];
      if (dependency.tag)
        continue;
      const auto found = index_.find(dependency.workflow);
      if (found && !seen_[*found])
        enter(*found);
    }
  }

  std::vector<std::size_t> take_order() { return std::move(order_); }

 private:
  struct Step {
    std::size_t workflow;
    std::size_t next;  ///< the dependency to look at next
  };

  void enter(std::size_t workflow) {
    seen_[workflow] = true;
    stack_.push_back({workflow, 0});
  }

  const WorkflowIndex& index_;
  std::vector<bool> seen_;
  std::vector<Step> stack_;
  std::vector<std::size_t> order_;
};

}  // namespace

WorkflowIndex::WorkflowIndex(const config::Project& project) : project_(project) {
  by_name_.reserve(project.workflows.size());
  for (std::size_t i = 0; i < project.workflows.size(); ++i)
    by_name_.emplace(project.workflows[i].name, i);
}

std::optional<std::size_t> WorkflowIndex::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::size_t> run_order(const WorkflowIndex& index, std::size_t target) {
  Walk walk(index);
  walk.visit(target);
  return walk.take_order();
}

std::vector<std::size_t> whole_order(const WorkflowIndex& index) {
  Walk walk(index);
  for (std::size_t i = 0; i < index.project().workflows.size(); ++i)
    walk.visit(i);
  return walk.take_order();
}

}  // namespace dstack::plan

// Checks across all workflows: duplicate names, unknown dependencies, cycles.
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/project/loading.hpp"
#include "dstack/config/yaml/file_source.hpp"

#include <algorithm>
#include <cstddef>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace dstack::config {

namespace {

/// Each cycle is printed whole, so of a file full of cycles not all are.
constexpr std::size_t max_cycles = 100;

/// A runtime dependency that exists.
struct Edge {
  std::size_t to;
  const Dependency* dependency;
};

using Edges = std::vector<std::vector<Edge>>;

Edges find_edges(const Project& project, Findings& findings) {
  const std::vector<Workflow>& workflows = project.workflows;
  std::unordered_map<std::string_view, std::size_t> index;
  index.reserve(workflows.size());
  for (std::size_t i = 0; i < workflows.size(); ++i)
    index.emplace(workflows[i].name, i);
  std::vector<std::string> names;
  std::size_t unknown = 0;
  Edges edges(workflows.size());
  for (std::size_t i = 0; i < workflows.size(); ++i)
    for (const Dependency& dependency : workflows[i].depends_on) {
      if (dependency.tag)
        continue;
      if (const auto found = index.find(dependency.workflow); found != index.end()) {
        edges[i].push_back({found->second, &dependency});
        continue;
      }
      if (unknown++ == 0)
        names = project.workflow_names();
      findings.add(
          workflows[i].name,
          unknown_dependency(dependency,
                             unknown <= most_suggestions ? names : std::vector<std::string>()));
    }
  return edges;
}

/// A depth-first walk that follows each dependency once. Its stack is its own: a chain may be as
/// long as the file.
class RingSearch {
 public:
  RingSearch(const std::vector<Workflow>& workflows, const Edges& edges, Findings& findings)
      : workflows_(workflows),
        edges_(edges),
        findings_(findings),
        position_(workflows.size(), unseen) {}

  void run() {
    for (std::size_t i = 0; i < workflows_.size() && cycles_ < max_cycles; ++i)
      if (position_[i] == unseen)
        walk_from(i);
  }

 private:
  struct Step {
    std::size_t workflow;
    std::size_t next = 0;  ///< the edge to follow next
  };

  static constexpr std::size_t unseen = static_cast<std::size_t>(-1);
  static constexpr std::size_t done = static_cast<std::size_t>(-2);

  void walk_from(std::size_t start) {
    enter(start);
    while (!stack_.empty()) {
      Step& step = stack_.back();
      if (step.next == edges_[step.workflow].size()) {
        position_[step.workflow] = done;
        stack_.pop_back();
        continue;
      }
      const std::size_t to = edges_[step.workflow][step.next++].to;
      if (position_[to] == unseen)
        enter(to);
      else if (position_[to] != done && cycles_++ < max_cycles)
        report(position_[to]);
    }
  }

  void enter(std::size_t workflow) {
    position_[workflow] = stack_.size();
    stack_.push_back({workflow});
  }

  /// The cycle is the stack from `from` on, whose last edge leads back. It is reported from the
  /// first of its entries in the file, wherever the walk entered it.
  void report(std::size_t from) {
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(from);
    std::vector<Step> cycle(begin, stack_.end());
    const auto first =
        std::min_element(cycle.begin(), cycle.end(), [](const Step& a, const Step& b) {
          return a.workflow < b.workflow;
        });
    std::rotate(cycle.begin(), first, cycle.end());
    const Workflow& workflow = workflows_[cycle.front().workflow];
    const Dependency& entry = *edges_[cycle.front().workflow][cycle.front().next - 1].dependency;
    if (cycle.size() == 1) {
      findings_.add(
          workflow.name,
          make_error(ErrorCode::configuration, "workflow '{}' depends on itself", workflow.name)
              .at(entry.where)
              .with_hint("remove it; '{}:TAG' would use what an earlier run saved", workflow.name));
      return;
    }
    std::string path;
    for (const Step& step : cycle)
      path += fmt::format("{} → ", workflows_[step.workflow].name);
    findings_.add(
        workflow.name,
        make_error(ErrorCode::configuration, "dependency cycle: {}{}", path, workflow.name)
            .at(entry.where)
            .with_hint("remove one of these dependencies, or depend on a tag, such as '{}:latest'",
                       entry.workflow));
  }

  const std::vector<Workflow>& workflows_;
  const Edges& edges_;
  Findings& findings_;
  std::vector<std::size_t> position_;  ///< on the stack, or unseen, or done
  std::vector<Step> stack_;
  std::size_t cycles_ = 0;
};

/// What nearly every project has.
bool has_each_name_once(const Project& project) {
  std::unordered_set<std::string_view> names;
  names.reserve(project.workflows.size());
  return std::all_of(project.workflows.begin(),
                     project.workflows.end(),
                     [&](const Workflow& workflow) { return names.insert(workflow.name).second; });
}

}  // namespace

Error unknown_dependency(const Dependency& dependency, const std::vector<std::string>& names) {
  std::string hint = names.empty() ? std::string() : did_you_mean(dependency.workflow, names);
  if (hint.empty())
    hint = names.size() > 1 ? fmt::format("there are {}", quoted_list(names))
                            : "define it, or remove it from 'depends-on'";
  return make_error(ErrorCode::configuration, "there is no workflow '{}'", dependency.workflow)
      .at(dependency.where)
      .with_hint("{}", hint);
}

void check_names(Project& project) {
  if (has_each_name_once(project))
    return;
  Findings findings(project.findings);
  std::unordered_map<std::string, SourceLocation> first;
  first.reserve(project.workflows.size());
  std::unordered_map<std::string, bool> reported;
  std::vector<Workflow> kept;
  kept.reserve(project.workflows.size());
  for (Workflow& workflow : project.workflows) {
    const auto [known, is_new] = first.emplace(workflow.name, workflow.name_where);
    if (is_new) {
      kept.push_back(std::move(workflow));
      continue;
    }
    // An alias or a merge key gives two entries the same name, in one place of the file.
    const bool is_copied = known->second.render() == workflow.name_where.render();
    const SourceLocation& where = is_copied ? workflow.where : workflow.name_where;
    const std::string message = fmt::format("duplicate workflow name '{}'", workflow.name);
    if (!std::exchange(reported[workflow.name], true))
      findings.add(workflow.name,
                   make_error(ErrorCode::configuration, "{}", message)
                       .at(known->second)
                       .with_hint("the other is at {}; rename one of them", where.render()));
    findings.add(
        workflow.name,
        make_error(ErrorCode::configuration, "{}", message)
            .at(where)
            .with_hint("{}",
                       is_copied
                           ? fmt::format("it takes its name from {}; give it a 'name' of its own",
                                         known->second.render())
                           : fmt::format("the other is at {}; rename one of them",
                                         known->second.render())));
    project.without_place.push_back(std::move(workflow));
  }
  project.workflows = std::move(kept);
}

void check_references(Project& project) {
  const std::size_t before = project.findings.size();
  Findings findings(project.findings);
  const Edges edges = find_edges(project, findings);
  RingSearch(project.workflows, edges, findings).run();
  for (std::size_t i = before; i < project.findings.size(); ++i)
    project.findings[i].about_dependencies = true;
}

}  // namespace dstack::config

// Resolves each workflow's depends-on: to a workflow of this run, or to the artifacts of a tag.
#include "dstack/base/text.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/plan/draft.hpp"
#include "dstack/plan/graph.hpp"

#include <algorithm>

namespace dstack::plan {

namespace {

using Tagged = std::pair<std::string, std::vector<job::Artifact>>;

class Resolver {
 public:
  Resolver(Drafts& drafts, const PlanningContext& context, Tags tags, std::vector<Error>& errors)
      : drafts_(drafts), context_(context), tags_(tags), errors_(errors) {}

  void resolve(Draft& draft) {
    draft.inputs.reserve(draft.workflow->depends_on.size());
    for (const config::Dependency& dependency : draft.workflow->depends_on) {
      Input input;
      input.workflow = dependency.workflow;
      if (!(dependency.tag ? from_tag(dependency, input) : from_run(dependency, input)))
        draft.inputs_known = false;
      else
        draft.inputs.push_back(std::move(input));
    }
  }

 private:
  bool from_run(const config::Dependency& dependency, Input& input) const {
    const auto found = drafts_.by_name.find(dependency.workflow);
    if (found == drafts_.by_name.end())
      return false;  // a finding of the file
    input.producer = found->second;
    return true;
  }

  bool from_tag(const config::Dependency& dependency, Input& input) {
    const Result<Tagged>& tagged = look_up(dependency.workflow, *dependency.tag);
    if (!tagged && is_unknown(dependency.workflow)) {
      errors_.push_back(config::unknown_dependency(dependency, context_.project.workflow_names()));
      return false;
    }
    if (!tagged && tags_ == Tags::optional)
      return from_run(dependency, input);  // what would be tagged is what that workflow saves
    if (!tagged) {
      errors_.push_back(error_of(dependency, tagged.error()));
      return false;
    }
    input.tag = *dependency.tag;
    input.run = tagged->first;
    input.artifacts = tagged->second;
    return true;
  }

  std::vector<std::string> tags_of(const std::string& workflow) const {
    return context_.tags_of ? context_.tags_of(workflow) : std::vector<std::string>();
  }

  bool is_defined(const std::string& workflow) const {
    return drafts_.by_name.contains(workflow) || context_.project.find(workflow) != nullptr;
  }

  /// Neither defined nor known by its tags: uploaded artifacts have a workflow's name, too.
  bool is_unknown(const std::string& workflow) const {
    return !is_defined(workflow) && tags_of(workflow).empty();
  }

  /// Many workflows may use one tag; it is looked up once.
  const Result<Tagged>& look_up(const std::string& workflow, const std::string& tag) {
    const std::string key = workflow + ":" + tag;
    const auto found = known_.find(key);
    if (found != known_.end())
      return found->second;
    Result<Tagged> result = context_.resolve_tag
                                ? context_.resolve_tag(workflow, tag)
                                : Result<Tagged>(fail(ErrorCode::not_found, "no tags are known"));
    return known_.emplace(key, std::move(result)).first->second;
  }

  /// The workflow to be run for a missing tag: a run tags all of its workflows, so the longest run
  /// that one of the missing tags asks for makes the others that it has.
  std::string maker_of(const std::string& workflow, const std::string& tag) {
    const WorkflowIndex index(context_.project);
    const auto wanted = index.find(workflow);
    std::string maker = workflow;
    std::size_t longest = 1;
    for (const Draft& draft : drafts_.all)
      for (const config::Dependency& other : draft.workflow->depends_on) {
        const auto found = index.find(other.workflow);
        if (!wanted || !found || other.tag != tag || look_up(other.workflow, tag))
          continue;
        const auto order = run_order(index, *found);
        if (order.size() > longest &&
            std::find(order.begin(), order.end(), *wanted) != order.end()) {
          maker = other.workflow;
          longest = order.size();
        }
      }
    return maker;
  }

  Error error_of(const config::Dependency& dependency, const Error& cause) {
    if (cause.code != ErrorCode::not_found) {
      Error error = cause;
      if (!error.where)
        error.where = dependency.where;
      return error;
    }
    const std::string& workflow = dependency.workflow;
    const auto existing = tags_of(workflow);
    std::string hint =
        existing.empty() ? "it has no tags yet" : fmt::format("it has {}", quoted_list(existing));
    hint += is_defined(workflow)
                ? fmt::format(
                      "; make one with 'dstack run {} -t {}', or of a finished run with "
                      "'dstack tags add {} RUN'",
                      maker_of(workflow, *dependency.tag),
                      *dependency.tag,
                      *dependency.tag)
                : "; the project defines no workflow of that name that could make another";
    return make_error(
               ErrorCode::configuration, "workflow '{}' has no tag '{}'", workflow, *dependency.tag)
        .at(dependency.where)
        .with_hint("{}", hint);
  }

  Drafts& drafts_;
  const PlanningContext& context_;
  Tags tags_;
  std::vector<Error>& errors_;
  std::unordered_map<std::string, Result<Tagged>> known_;
};

}  // namespace

void resolve_inputs(Drafts& drafts,
                    const PlanningContext& context,
                    Tags tags,
                    std::vector<Error>& errors) {
  Resolver resolver(drafts, context, tags, errors);
  for (Draft& draft : drafts.all)
    resolver.resolve(draft);
}

}  // namespace dstack::plan

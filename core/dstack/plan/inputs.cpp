// Resolves each workflow's depends-on: to a workflow of this run, or to the artifacts of a tag.
#include "dstack/base/text.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/plan/draft.hpp"
#include "dstack/plan/graph.hpp"

#include <algorithm>
#include <map>

namespace dstack::plan {

namespace {

using Tagged = std::pair<std::string, std::vector<job::Artifact>>;

class Resolver {
 public:
  Resolver(Drafts& drafts, const PlanningContext& context, Tags tags, std::vector<Error>& errors)
      : drafts_(drafts), context_(context), tags_(tags), errors_(errors) {}

  void resolve(Draft& draft) {
    draft.inputs.reserve(draft.workflow->depends_on.size());
    for (const config::Dependency& dependency : draft.workflow->depends_on)
      if (!(dependency.tag ? from_tag(draft, dependency) : from_run(draft, dependency)))
        draft.inputs_known = false;
  }

 private:
  bool from_run(Draft& draft, const config::Dependency& dependency) {
    const auto found = drafts_.of_workflow.find(dependency.workflow);
    if (found == drafts_.of_workflow.end())
      return false;  // a finding of the file
    Join join(draft);
    const Draft& first = drafts_.all[found->second.front()];
    if (!first.swept_keys) {
      add(draft, dependency, {}).producer = found->second.front();
      return true;
    }
    const std::vector<std::size_t>& matching =
        matches(join.shared(*first.swept_keys), join.own(), found->first, found->second);
    for (const std::size_t producer : matching)
      add(draft, dependency, join.folder(drafts_.all[producer].combination)).producer = producer;
    if (matching.empty())
      errors_.push_back(nothing_pairs(draft, dependency));
    return !matching.empty();
  }

  /// How the combination of one draft and those of a workflow that it depends on belong together:
  /// they pair where they have the same values of the keys that both have; the others are folders.
  class Join {
   public:
    explicit Join(const Draft& draft)
        : keys_(draft.swept_keys.get()), own_(sweep::parts_of(sweep::render(draft.combination))) {}

    const sweep::Combination& own() const { return own_; }

    std::vector<std::string> shared(const std::vector<std::string>& others) const {
      std::vector<std::string> shared;
      for (const std::string& key : others)
        if (is_own(key))
          shared.push_back(key);
      return shared;
    }

    std::string folder(const sweep::Combination& other) const {
      sweep::Combination gathered;
      for (const auto& [key, value] : other)
        if (!is_own(key))
          gathered.emplace_back(key, value);
      return sweep::folder_of(gathered);
    }

    /// Whether the parts of another, of which not all keys are known, pair with it.
    bool pairs_with(const sweep::Combination& parts) const {
      return std::all_of(parts.begin(), parts.end(), [this](const auto& part) {
        const std::string* value = sweep::value_of(own_, part.first);
        return !is_own(part.first) || (value != nullptr && *value == part.second);
      });
    }

    bool is_own(const std::string& key) const {
      return keys_ != nullptr && std::find(keys_->begin(), keys_->end(), key) != keys_->end();
    }

   private:
    const std::vector<std::string>* keys_;
    sweep::Combination own_;
  };

  static std::string identity_of(const sweep::Combination& parts,
                                 const std::vector<std::string>& keys) {
    std::string text;
    for (const std::string& key : keys)
      if (const std::string* value = sweep::value_of(parts, key))
        text += fmt::format("{}={},", key, *value);
    return text;
  }

  /// The drafts of a workflow with the same values of the shared keys. Thousands of dependents ask
  /// with the same keys, so the drafts are sorted by them once.
  const std::vector<std::size_t>& matches(const std::vector<std::string>& shared,
                                          const sweep::Combination& own,
                                          std::string_view workflow,
                                          const std::vector<std::size_t>& all) {
    auto [entry, added] =
        joins_.try_emplace(std::pair(std::string(workflow), dstack::join(shared, ",")));
    if (added)
      for (const std::size_t one : all)
        entry
            ->second[identity_of(sweep::parts_of(sweep::render(drafts_.all[one].combination)),
                                 shared)]
            .push_back(one);
    return entry->second[identity_of(own, shared)];
  }

  static Error nothing_pairs(const Draft& draft, const config::Dependency& dependency) {
    return make_error(ErrorCode::configuration,
                      "no combination of '{}' has the values of {}",
                      dependency.workflow,
                      sweep::render(draft.combination))
        .at(dependency.where)
        .with_hint(
            "workflows with the same keys need the same values of them; 'matrix: {}' takes "
            "all of that workflow's",
            dependency.workflow);
  }

  static Input& add(Draft& draft, const config::Dependency& dependency, std::string folder) {
    Input& input = draft.inputs.emplace_back();
    input.workflow = dependency.workflow;
    input.folder = std::move(folder);
    return input;
  }

  bool from_tag(Draft& draft, const config::Dependency& dependency) {
    const Result<Tagged>& tagged = look_up(dependency.workflow, *dependency.tag);
    if (!tagged && is_unknown(dependency.workflow)) {
      errors_.push_back(config::unknown_dependency(dependency, context_.project.workflow_names()));
      return false;
    }
    if (!tagged && tags_ == Tags::optional)
      return from_run(draft, dependency);  // what would be tagged is what that workflow saves
    if (!tagged) {
      errors_.push_back(error_of(dependency, tagged.error()));
      return false;
    }
    const auto& [run, artifacts] = *tagged;
    const Join join(draft);
    std::map<std::string, std::size_t> of_workflow;  // those of one combination are one input
    for (const job::Artifact& artifact : artifacts) {
      const auto parts = sweep::parts_of(sweep::combination_of(artifact.workflow));
      if (!join.pairs_with(parts))
        continue;
      const auto [known, added] = of_workflow.try_emplace(artifact.workflow, draft.inputs.size());
      if (added) {
        sweep::Combination gathered;
        for (const auto& part : parts)
          if (!join.is_own(part.first))
            gathered.push_back(part);
        set_tag(add(draft, dependency, folder_of_parts(gathered)), dependency, run);
      }
      draft.inputs[known->second].artifacts.push_back(artifact);
    }
    if (artifacts.empty())
      set_tag(add(draft, dependency, {}), dependency, run);
    else if (of_workflow.empty())
      errors_.push_back(nothing_pairs(draft, dependency));
    return artifacts.empty() || !of_workflow.empty();
  }

  static std::string folder_of_parts(const sweep::Combination& parts) {
    std::vector<std::string> folders;
    for (const auto& [key, value] : parts)
      folders.push_back(fmt::format("{}={}", key, value));
    return dstack::join(folders, "/");
  }

  static void set_tag(Input& input, const config::Dependency& dependency, const std::string& run) {
    input.tag = *dependency.tag;
    input.run = run;
  }

  std::vector<std::string> tags_of(const std::string& workflow) const {
    return context_.tags_of ? context_.tags_of(workflow) : std::vector<std::string>();
  }

  bool is_defined(const std::string& workflow) const {
    return drafts_.of_workflow.contains(workflow) || context_.project.find(workflow) != nullptr;
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
  /// By workflow and shared keys: its drafts, by their values.
  std::map<std::pair<std::string, std::string>,
           std::unordered_map<std::string, std::vector<std::size_t>>>
      joins_;
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

// tags list, tags add, tags delete, and tag.
#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/client/selection.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"
#include "dstack/sweep/address.hpp"
#include "ui/table.hpp"

#include <algorithm>

namespace dstack::cli {

namespace {

using job::Status;

class TagsList final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("WORKFLOW", workflow_, Need::optional, "only the tags of this workflow")
        .flag("--json", json_, "as JSON: an array of {tag, workflow, run, combination, created_at}")
        .example("dstack tags list", "all tags of the project")
        .example("dstack tags list download", "those of one workflow");
  }

  Result<int> run(Context& context) override {
    DSTACK_TRY(auto records, open_records(context));
    DSTACK_TRY(auto tags, records.tags(context.project().string()));
    if (!workflow_.empty())
      std::erase_if(tags, [&](const store::Tag& tag) { return tag.workflow != workflow_; });
    if (json_)
      context.out.json(as_json(tags));
    else if (tags.empty())
      context.messages.note("no tags yet; 'dstack tags add TAG RUN' adds one");
    else
      context.out.write(render(context, tags));
    return exit_code::success;
  }

 private:
  static Json as_json(const std::vector<store::Tag>& tags) {
    Json list = Json::array();
    for (const store::Tag& tag : tags)
      list.push_back({{"tag", tag.tag},
                      {"workflow", tag.workflow},
                      {"run", tag.run},
                      {"combination", tag.combination.empty() ? Json() : Json(tag.combination)},
                      {"created_at", render_time(tag.created_at)}});
    return list;
  }

  static std::string render(const Context& context, const std::vector<store::Tag>& tags) {
    const ui::Stream& stream = context.out.stream();
    ui::Table table({{"TAG"}, {"WORKFLOW"}, {"RUN"}, {"CREATED"}});
    const Timestamp at = now();
    for (const store::Tag& tag : tags)
      table.add(
          {{tag.tag, ui::Colour::bold},
           {tag.workflow},
           {tag.combination.empty() ? tag.run : fmt::format("{}/{}", tag.run, tag.combination)},
           {stream.terminal ? render_age(tag.created_at, at) : render_time(tag.created_at)}});
    return table.render(stream);
  }

  std::string workflow_;
  bool json_ = false;
};

/// `tags add TAG RUN` and `tag RUN -n TAG`: one action with two argument orders.
class TagRun final : public Action {
 public:
  enum class Order { tag_then_run, run_then_option };

  explicit TagRun(Order order) : order_(order) {}

  void declare(Syntax& syntax) override {
    if (order_ == Order::tag_then_run)
      syntax.argument("TAG", tag_, Need::required, "the name of the tag")
          .argument("RUN", name_, Need::required, "the run to tag, or RUN/COMBINATION of a sweep");
    else
      syntax.argument("RUN", name_, Need::required, "the run to tag, or RUN/COMBINATION of a sweep")
          .option("-n,--name", "TAG", tag_, "the name of the tag");
    syntax.option("-w,--workflow", "WORKFLOW", workflow_, "tag only this workflow of the run")
        .flag("--partial", partial_, "also failed and stopped workflows that saved something")
        .flag("-f,--force", force_, "move an existing tag")
        .note(
            "Tags every workflow of the run that is done; others can then depend on it as\n"
            "'WORKFLOW:TAG'.");
    if (order_ == Order::tag_then_run)
      syntax.example("dstack tags add latest quiet-otter-3", "tag all that the run made")
          .example("dstack tags add best quiet-otter-3 -w train -f",
                   "move 'train:best' to this run");
    else
      syntax.example("dstack tag quiet-otter-3 -n latest", "tag all that the run made");
  }

  Result<int> run(Context& context) override {
    if (tag_.empty())
      return fail(ErrorCode::usage, "'dstack tag' needs the name: '-n TAG'");
    if (!is_name(tag_))
      return fail(ErrorCode::usage, "'{}' is not a valid tag name", tag_)
          .with_hint(
              "a name begins with a letter or digit and continues with letters, digits, '.', '_' "
              "and "
              "'-'");
    DSTACK_TRY(auto records, open_records(context, store::Records::Mode::read_write));
    DSTACK_TRY(const auto reference, find_part(context, records, name_));
    const store::RunRecord& run = reference.run;
    DSTACK_TRY(const auto workflows, to_tag(records, reference));
    DSTACK_CHECK(records.add_tags(run.project,
                                  tag_,
                                  workflows,
                                  run.id,
                                  force_ ? store::Records::Force::yes : store::Records::Force::no));
    for (const std::string& workflow : workflows)
      context.messages.note(fmt::format("tagged {}:{}", printable(workflow), tag_));
    return exit_code::success;
  }

 private:
  Result<std::vector<std::string>> to_tag(store::Records& records,
                                          const Reference& reference) const {
    const store::RunRecord& run = reference.run;
    DSTACK_TRY(const auto part, run::Selection::make(run, workflow_, reference.combination));
    DSTACK_CHECK(check_one(run, part, reference.combination));
    DSTACK_TRY(const auto artifacts, records.artifacts(run.id));
    const bool one = part.is_one_combination(run);
    std::vector<std::string> names;
    std::string refused;
    for (const store::WorkflowRecord& workflow : run.workflows) {
      if (!part.holds(workflow.index))
        continue;
      // Combinations without a name of their own are tagged together, and are adjacent.
      const std::string name(one ? std::string_view(workflow.name)
                                 : sweep::workflow_of(workflow.name));
      if (may_tag(workflow, artifacts)) {
        if (names.empty() || names.back() != name)
          names.push_back(name);
      } else if (refused.empty())
        refused = fmt::format("workflow '{}' of run '{}' is not done: {}",
                              workflow.name,
                              run.name,
                              job::render(workflow.status));
    }
    if (names.empty())
      return fail(ErrorCode::conflict, "{}", refused)
          .with_hint("{}",
                     job::is_final(run.status)
                         ? "'--partial' also tags failed and stopped workflows that saved something"
                         : "wait until it is over, or tag on success with 'dstack run -t TAG'");
    return names;
  }

  /// A tag is one combination's, or all of a workflow.
  static Result<void> check_one(const store::RunRecord& run,
                                const run::Selection& part,
                                const std::string& combination) {
    if (combination.empty() || part.is_one_combination(run))
      return {};
    return fail(ErrorCode::usage,
                "'{}' means several combinations, and a tag is of one, or of all",
                printable(combination))
        .with_hint("name all keys, or the number of one: '{}/1'", run.name);
  }

  bool may_tag(const store::WorkflowRecord& workflow,
               const std::vector<job::Artifact>& artifacts) const {
    if (workflow.status == Status::done)
      return true;
    const bool ended = workflow.status == Status::failed || workflow.status == Status::stopped;
    return partial_ && ended &&
           std::any_of(artifacts.begin(), artifacts.end(), [&](const auto& artifact) {
             return artifact.workflow == workflow.name;
           });
  }

  Order order_;
  std::string tag_;
  std::string name_;
  std::string workflow_;
  bool partial_ = false;
  bool force_ = false;
};

class TagsDelete final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("[WORKFLOW:]TAG", tag_, Need::required, "the tag")
        .note("The run and its artifacts stay.")
        .example("dstack tags delete latest", "when one workflow has the tag")
        .example("dstack tags delete download:latest", "when several have it");
  }

  Result<int> run(Context& context) override {
    DSTACK_TRY(auto records, open_records(context, store::Records::Mode::read_write));
    const std::string project = context.project().string();
    DSTACK_TRY(const auto tags, records.tags(project));
    const auto [workflow, tag] = split_tag(tag_);
    std::vector<std::string> found;
    std::vector<std::string> known;
    for (const store::Tag& other : tags) {
      known.push_back(other.workflow + ":" + other.tag);
      if (workflow.empty())
        known.push_back(other.tag);
      if (other.tag == tag && (workflow.empty() || other.workflow == workflow))
        found.push_back(other.workflow);
    }
    if (found.empty()) {
      const std::string guess = did_you_mean(tag_, known);
      return fail(ErrorCode::not_found, "there is no tag '{}'", tag_)
          .with_hint("{}", guess.empty() ? "'dstack tags list' shows all" : guess);
    }
    if (found.size() > 1) {
      for (std::string& name : found)
        name += ":" + tag;
      return fail(ErrorCode::usage, "{} have a tag '{}'", plural(found.size(), "workflow"), tag)
          .with_hint("name one of {}", quoted_list(found));
    }
    DSTACK_CHECK(records.delete_tag(project, found.front(), tag));
    context.messages.note(fmt::format("deleted {}", printable(found.front() + ":" + tag)));
    return exit_code::success;
  }

 private:
  std::string tag_;
};

}  // namespace

std::unique_ptr<Action> make_tags_list() {
  return std::make_unique<TagsList>();
}

std::unique_ptr<Action> make_tags_add() {
  return std::make_unique<TagRun>(TagRun::Order::tag_then_run);
}

std::unique_ptr<Action> make_tag() {
  return std::make_unique<TagRun>(TagRun::Order::run_then_option);
}

std::unique_ptr<Action> make_tags_delete() {
  return std::make_unique<TagsDelete>();
}

}  // namespace dstack::cli

#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/removal/rule.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"
#include "ui/prompt.hpp"
#include "views/removal_list.hpp"
#include "views/workflow_rows.hpp"

namespace dstack::cli {

namespace {

using store::RunRecord;

class Rm final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.arguments("RUN", names_, Need::optional, "the runs to remove")
        .flag("--failed", failed_, "all failed runs of the project, without those that are tagged")
        .flag("--all-projects", all_projects_, "with '--failed': of every project of this home")
        .flag("--dry-run", dry_run_, "only list the runs that would be removed")
        .flag("--json",
              json_,
              "with '--dry-run', as JSON: an array of {run, target, project, status, "
              "submitted_at, finished_at}")
        .flag("-y,--yes", yes_, "do not ask")
        .note("A run that is tagged or not over is never removed.")
        .example("dstack rm quiet-otter-3", "remove a run, its logs and its artifacts")
        .example("dstack rm -y quiet-otter-3 calm-newt-1", "remove two, without confirmation")
        .example("dstack rm --failed --dry-run", "see which runs have failed")
        .example("dstack rm --failed", "remove them");
  }

  Result<int> run(Context& context) override {
    DSTACK_CHECK(check_words_together());
    DSTACK_TRY(auto records, open_records(context, store::Records::Mode::read_write));
    DSTACK_TRY(const auto runs,
               failed_ ? failed_runs(context, records) : named_runs(context, records));
    if (dry_run_)
      return list_removal(context, runs, json_, all_projects_, nothing());
    if (runs.empty()) {
      context.messages.note(nothing());
      return exit_code::success;
    }
    if (!yes_) {
      DSTACK_TRY(const bool sure, ask(context, runs));
      if (!sure)
        return exit_code::failure;
    }
    return remove_runs(context, records, runs);
  }

 private:
  Result<void> check_words_together() const {
    if (names_.empty() && !failed_)
      return fail(ErrorCode::usage, "'dstack rm' needs RUN, or '--failed'")
          .with_hint("'dstack rm --help' shows what it takes");
    if (failed_ && !names_.empty())
      return fail(ErrorCode::usage, "'--failed' takes no names of runs")
          .with_hint("'dstack rm {}' removes only what is named", join(names_, " "));
    if (all_projects_ && !failed_)
      return fail(ErrorCode::usage, "'--all-projects' needs '--failed'");
    if (json_ && !dry_run_)
      return fail(ErrorCode::usage, "'--json' needs '--dry-run'");
    return {};
  }

  Result<std::vector<RunRecord>> named_runs(const Context& context, store::Records& records) const {
    std::vector<RunRecord> runs;
    std::vector<Error> errors;
    for (const std::string& name : names_) {
      auto run = find_run(context, records, name);
      if (run)
        run = check(*run);
      if (run)
        runs.push_back(*std::move(run));
      else
        errors.push_back(std::move(run).error());
    }
    if (!errors.empty())
      return Failure(join(std::move(errors)));
    return runs;
  }

  Result<std::vector<RunRecord>> failed_runs(const Context& context,
                                             store::Records& records) const {
    store::RunFilter filter;
    if (!all_projects_)
      filter.project = context.project().string();
    DSTACK_TRY(auto runs, records.find_runs(filter));
    std::erase_if(runs, [](const RunRecord& run) { return run.status != job::Status::failed; });
    const std::size_t tagged = std::erase_if(runs, run::is_tagged);
    if (tagged > 0)
      context.messages.note(
          fmt::format("keeps {}; 'dstack tags list' shows the tags", plural(tagged, "tagged run")));
    return runs;
  }

  std::string nothing() const {
    return all_projects_ ? "no failed runs" : "no failed runs in this project";
  }

  Result<bool> ask(const Context& context, const std::vector<RunRecord>& runs) const {
    std::vector<std::string> names;
    for (const RunRecord& run : runs)
      names.push_back(run.name);
    std::string what =
        runs.size() == 1 ? fmt::format("run '{}'", names.front()) : plural(runs.size(), "run");
    // Of those that were not named: which.
    if (failed_ && runs.size() > 1)
      what = fmt::format("{} that failed ({})", what, quoted_list(names));
    return ui::confirm(
        context.messages,
        fmt::format(
            "Remove {} with {} logs and artifacts?", what, runs.size() == 1 ? "its" : "their"),
        fmt::format("removing {}", what));
  }

  /// Before anything is removed: of several runs, all go or none.
  static Result<RunRecord> check(const RunRecord& run) {
    if (!job::is_final(run.status))
      return fail(
                 ErrorCode::conflict, "run '{}' is not over: {}", run.name, job::render(run.status))
          .with_hint("stop it first: 'dstack stop {}'", run.name);
    const std::vector<std::string> tags = tags_of(run);
    if (!tags.empty())
      return fail(ErrorCode::conflict, "run '{}' is tagged: {}", run.name, quoted_list(tags))
          .with_hint("delete {} first: 'dstack tags delete {}'{}",
                     tags.size() == 1 ? "the tag" : "the tags",
                     tags.front(),
                     tags.size() == 1 ? "" : " and so on");
    return run;
  }

  std::vector<std::string> names_;
  bool failed_ = false;
  bool all_projects_ = false;
  bool dry_run_ = false;
  bool json_ = false;
  bool yes_ = false;
};

}  // namespace

std::unique_ptr<Action> make_rm() {
  return std::make_unique<Rm>();
}

}  // namespace dstack::cli

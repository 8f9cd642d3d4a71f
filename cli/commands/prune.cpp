#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/settings/settings.hpp"
#include "dstack/run/removal/rule.hpp"
#include "ui/prompt.hpp"
#include "views/removal_list.hpp"

namespace dstack::cli {

namespace {

using store::RunRecord;

class Prune final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.option("--keep", "N", keep_, "the newest N runs of each target stay")
        .option("--older", "AGE", older_, "only runs that ended longer ago: 30d, 12h")
        .option("-w,--workflow", "WORKFLOW", workflow_, "only runs of this target")
        .flag("--all-projects", all_projects_, "of every project of this home")
        .flag("--dry-run", dry_run_, "only list the runs that would be removed")
        .flag("--json",
              json_,
              "with '--dry-run', as JSON: an array of {run, target, project, status, "
              "submitted_at, finished_at}")
        .flag("-y,--yes", yes_, "do not ask")
        .note(
            "A run that is tagged or not over is never removed. With '--keep' and '--older' a run "
            "goes only\n"
            "if both name it. Without either, 'retention' of config.yaml is the rule.")
        .example("dstack prune --keep 20 --dry-run", "see what is beyond the newest 20")
        .example("dstack prune --older 30d -y", "remove what ended more than 30 days ago")
        .example("dstack prune --keep 5 -w train", "keep the newest 5 runs of one workflow");
  }

  Result<int> run(Context& context) override {
    DSTACK_TRY(const config::Retention rule, read_rule(context));
    if (json_ && !dry_run_)
      return fail(ErrorCode::usage, "'--json' needs '--dry-run'");
    DSTACK_TRY(auto records, open_records(context, store::Records::Mode::read_write));
    store::RunFilter filter;
    if (!all_projects_)
      filter.project = context.project().string();
    DSTACK_TRY(auto all, records.find_runs(filter));
    const auto runs = run::runs_beyond(rule, workflow_, std::move(all), now());
    if (dry_run_)
      return list_removal(context, runs, json_, all_projects_, nothing);
    if (runs.empty()) {
      context.messages.note(nothing);
      return exit_code::success;
    }
    if (!yes_) {
      const std::string what = plural(runs.size(), "run");
      DSTACK_TRY(const bool sure,
                 ui::confirm(context.messages,
                             fmt::format("Remove {} with their logs and artifacts?", what),
                             fmt::format("removing {}", what)));
      if (!sure)
        return exit_code::failure;
    }
    return remove_runs(context, records, runs);
  }

 private:
  static constexpr const char* nothing = "no run is beyond the rule";

  Result<config::Retention> read_rule(const Context& context) const {
    config::Retention rule;
    if (!keep_.empty()) {
      rule.keep = parse_number<std::uint64_t>(keep_);
      if (!rule.keep)
        return fail(ErrorCode::usage, "'--keep' needs a whole number, not '{}'", keep_);
    }
    if (!older_.empty()) {
      rule.older = parse_duration(older_);
      if (!rule.older)
        return fail(ErrorCode::usage, "'--older' needs an age, not '{}'", older_)
            .with_hint("write '--older 30d', '12h' or '1h30m'");
    }
    if (!rule.empty())
      return rule;
    DSTACK_TRY(const config::Settings settings, config::load_settings(context.home.config()));
    if (settings.retention.empty())
      return fail(ErrorCode::usage, "'dstack prune' needs a rule")
          .with_hint(
              "'--keep N' keeps the newest N runs of each target, '--older 30d' removes what "
              "ended longer ago; 'retention: {{keep: 20, older: 30d}}' in config.yaml is "
              "the rule when there is none here");
    return settings.retention;
  }

  std::string keep_;
  std::string older_;
  std::string workflow_;
  bool all_projects_ = false;
  bool dry_run_ = false;
  bool json_ = false;
  bool yes_ = false;
};

}  // namespace

std::unique_ptr<Action> make_prune() {
  return std::make_unique<Prune>();
}

}  // namespace dstack::cli

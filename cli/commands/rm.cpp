#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/client/control.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"
#include "ui/prompt.hpp"

namespace dstack::cli {

namespace {

class Rm final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.arguments("RUN", names_, Need::required, "the runs to remove")
        .flag("-y,--yes", yes_, "do not ask")
        .note("A run that is tagged or not over is never removed.")
        .example("dstack rm quiet-otter-3", "remove a run, its logs and its artifacts")
        .example("dstack rm -y quiet-otter-3 calm-newt-1", "remove two, without confirmation");
  }

  Result<int> run(Context& context) override {
    DSTACK_TRY(auto records, open_records(context, store::Records::Mode::read_write));
    std::vector<store::RunRecord> runs;
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
    if (!yes_) {
      const std::string what = runs.size() == 1 ? fmt::format("run '{}'", runs.front().name)
                                                : plural(runs.size(), "run");
      DSTACK_TRY(const bool sure,
                 ui::confirm(context.messages,
                             fmt::format("Remove {} with its logs and artifacts?", what),
                             fmt::format("removing {}", what)));
      if (!sure)
        return exit_code::failure;
    }
    for (const store::RunRecord& run : runs)
      DSTACK_CHECK(run::remove(context.home, records, run));
    context.messages.note(fmt::format("removed {}", plural(runs.size(), "run")));
    return exit_code::success;
  }

 private:
  /// Before anything is removed: of several runs, all go or none.
  static Result<store::RunRecord> check(const store::RunRecord& run) {
    if (!job::is_final(run.status))
      return fail(
                 ErrorCode::conflict, "run '{}' is not over: {}", run.name, job::render(run.status))
          .with_hint("stop it first: 'dstack stop {}'", run.name);
    for (const store::WorkflowRecord& workflow : run.workflows)
      if (!workflow.tags.empty())
        return fail(ErrorCode::conflict,
                    "run '{}' is tagged: '{}:{}'",
                    run.name,
                    workflow.name,
                    workflow.tags.front())
            .with_hint(
                "untag it first: 'dstack tags delete {}:{}'", workflow.name, workflow.tags.front());
    return run;
  }

  std::vector<std::string> names_;
  bool yes_ = false;
};

}  // namespace

std::unique_ptr<Action> make_rm() {
  return std::make_unique<Rm>();
}

}  // namespace dstack::cli

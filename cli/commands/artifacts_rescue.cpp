#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/run/supervisor/rescue.hpp"

namespace dstack::cli {

namespace {

class ArtifactsRescue final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("RUN", run_, Need::required, "a run that is over")
        .flag("--json", json_, "as JSON: an array of {workflow, artifact, files, bytes, partial}")
        .note(
            "Saves what is left in the workspaces of its jobs because it could not be saved when "
            "they ended. What a job had not finished is saved as partial.")
        .example("dstack artifacts rescue quiet-otter-3", "save what its jobs had made");
  }

  Result<int> run(Context& context) override {
    DSTACK_TRY(auto records, open_records(context, store::Records::Mode::read_write));
    DSTACK_TRY(const auto run, find_run(context, records, run_));
    DSTACK_TRY(const auto rescued, run::rescue(context.home, records, run));
    std::vector<std::string> errors;
    Json list = Json::array();
    for (const run::RescuedJob& job : rescued) {
      for (const job::Artifact& artifact : job.saved.artifacts)
        list.push_back(as_json(artifact));
      context.messages.warnings(job.saved.warnings);
      if (!job.saved.error.empty())
        errors.push_back(job.saved.error);
    }
    if (json_)
      context.out.json(list);
    else
      describe(context, run.name, rescued);
    if (!errors.empty())
      return fail(ErrorCode::unavailable, "{}", join(errors, "; "));
    return exit_code::success;
  }

 private:
  static Json as_json(const job::Artifact& artifact) {
    return {{"workflow", artifact.workflow},
            {"artifact", artifact.path},
            {"files", artifact.tree.files},
            {"bytes", artifact.tree.bytes},
            {"partial", artifact.partial}};
  }

  static void describe(Context& context,
                       const std::string& run,
                       const std::vector<run::RescuedJob>& rescued) {
    if (rescued.empty())
      context.messages.note(fmt::format(
          "nothing is left to save of run '{}': 'dstack artifacts list {}' shows what it has",
          run,
          run));
    for (const run::RescuedJob& job : rescued) {
      for (const job::Artifact& artifact : job.saved.artifacts)
        context.messages.note(fmt::format("saved '{}' of workflow '{}'{}: {}, {}",
                                          printable(artifact.path),
                                          printable(artifact.workflow),
                                          artifact.partial ? " as partial" : "",
                                          plural(artifact.tree.files, "file"),
                                          render_size(artifact.tree.bytes)));
      if (job.saved.edits)
        context.messages.note(
            fmt::format("saved what workflow '{}' changed beside its artifacts: 'dstack code {} "
                        "--changes' shows it",
                        printable(job.workflow),
                        run));
      if (job.saved.artifacts.empty() && !job.saved.edits && job.saved.error.empty())
        context.messages.note(fmt::format("workflow '{}' has left nothing that is not saved",
                                          printable(job.workflow)));
    }
  }

  std::string run_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Action> make_artifacts_rescue() {
  return std::make_unique<ArtifactsRescue>();
}

}  // namespace dstack::cli

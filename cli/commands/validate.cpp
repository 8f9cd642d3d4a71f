#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "commands/project_files.hpp"
#include "dstack/base/text.hpp"

namespace dstack::cli {

namespace {

class Validate final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax
        .note(
            "Reports all errors in the files of '.dstack' at once; exit code 2 if there are any.\n"
            "Runs nothing and writes nothing. Tags, Python versions and resources are checked by "
            "'run'.")
        .example("dstack validate", "check '.dstack' of this project")
        .example("dstack --project demo validate", "check another one");
  }

  Result<int> run(Context& context) override {
    if (!config::find_project(context.folder))
      return refuse_missing_project();
    DSTACK_TRY(auto bench, context.open_workbench(run::Purpose::code));
    const auto warnings = run::validate(bench);
    project_ = std::move(bench.project);
    if (!warnings)
      return fail(warnings.error());
    context.messages.warnings(*warnings);
    context.out.line(fmt::format("no errors in {}", plural(project_.workflows.size(), "workflow")));
    return exit_code::success;
  }

 private:
  config::Project project_;  ///< a member, so that it is kept to the end of the process
};

}  // namespace

std::unique_ptr<Action> make_validate() {
  return std::make_unique<Validate>();
}

}  // namespace dstack::cli

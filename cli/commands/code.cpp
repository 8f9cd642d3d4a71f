#include "commands/commands.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/source/snapshot.hpp"
#include "exit_code.hpp"

namespace dstack::cli {

namespace {

class Code final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("RUN", name_, Need::optional, "the run; default: the last one")
        .option(
            "-o,--output", "DIR", output_, "write the very code of the run to DIR, new or empty")
        .flag("--diff", diff_, "the difference to the commit that was checked out")
        .example("dstack code quiet-otter-3", "the commit, and how the code differed from it")
        .example("dstack code quiet-otter-3 --diff", "every change that was not committed")
        .example("dstack code quiet-otter-3 -o then", "the files as the run saw them");
  }

  Result<int> run(Context& context) override {
    if (diff_ && !output_.empty())
      return fail(ErrorCode::usage, "'--diff' and '-o' exclude each other");
    DSTACK_TRY(auto records, open_records(context));
    DSTACK_TRY(const auto run, find_run(context, records, name_));
    const store::ObjectStore objects(context.home);
    if (diff_) {
      DSTACK_TRY(const std::string text,
                 source::diff_against_commit(run.project, run.code, objects));
      context.out.write(text);
      return exit_code::success;
    }
    if (output_.empty()) {
      print_facts(context, run);
      return exit_code::success;
    }
    DSTACK_CHECK(check_empty(output_));
    DSTACK_CHECK(make_folders(output_));
    DSTACK_CHECK(objects.lay_out(run.code.snapshot, output_, store::LayOut::fresh));
    context.messages.note("wrote " + plural(run.code.snapshot.files, "file") + " to " +
                          printable(output_));
    return exit_code::success;
  }

 private:
  static Result<void> check_empty(const std::string& folder) {
    boost::system::error_code error;
    if (!fs::exists(fs::symlink_status(folder, error)))
      return {};
    if (!fs::is_directory(folder, error))
      return fail(
          ErrorCode::conflict, "'" + folder + "' is not a folder", "name one that is new or empty");
    const bool empty = fs::is_empty(folder, error);
    if (error)
      return fail_errno("cannot look into '" + folder + "'", error.value());
    if (!empty)
      return fail(
          ErrorCode::conflict,
          "folder '" + folder + "' is not empty",
          "name one that is new or empty: the code of a run is never mixed with other files");
    return {};
  }

  static void print_facts(Context& context, const store::RunRecord& run) {
    const store::GitFacts& git = run.code.git;
    const auto row = [&](std::string_view title, const std::string& value) {
      if (!value.empty())
        context.out.line(ui::paint(context.out.stream(), ui::Colour::dim, title) +
                         printable(value));
    };
    row("run      ", run.name);
    row("project  ", run.project);
    row("remote   ", git.remote);
    row("branch   ", git.branch);
    row("commit   ",
        git.commit.empty() ? "none" : git.commit + (git.dirty ? ", with changes" : ""));
    row("snapshot ",
        run.code.snapshot.tree.render() + ", " + plural(run.code.snapshot.files, "file") + ", " +
            render_size(run.code.snapshot.bytes));
  }

  std::string name_;
  std::string output_;
  bool diff_ = false;
};

}  // namespace

std::unique_ptr<Action> make_code() {
  return std::make_unique<Code>();
}

}  // namespace dstack::cli

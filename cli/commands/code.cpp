#include "dstack/job/code.hpp"

#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/audit/audit_log.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/project/project.hpp"
#include "dstack/job/edits.hpp"
#include "dstack/run/client/run_inputs.hpp"
#include "dstack/run/protocol/damaged_input.hpp"
#include "dstack/run/protocol/kept_changes.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "dstack/source/edits.hpp"
#include "dstack/source/snapshot.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"
#include "follow/unwinding.hpp"
#include "ui/job_output.hpp"
#include "views/secret_findings.hpp"

namespace dstack::cli {

namespace {

class Code final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("RUN", name_, Need::optional, "the run; default: the last one")
        .option("-o,--output",
                "DIR",
                output_,
                "write the code of the run to DIR, which is new or empty")
        .flag("--diff", diff_, "the diff against the commit that was checked out")
        .flag("--changes",
              changes_,
              "what its jobs changed besides their artifacts; with '-o', as files")
        .flag("--apply", apply_, "with '--changes': merge them into the project, three-way")
        .flag("--json", json_, "with '--changes': an array of {workflow, job, path, kind, size}")
        .example("dstack code quiet-otter-3", "the commit, and how the code differed from it")
        .example("dstack code quiet-otter-3 --diff", "the changes that were not committed")
        .example("dstack code quiet-otter-3 -o then", "the files as the run saw them")
        .example("dstack code quiet-otter-3 --changes --apply",
                 "merge what was edited in a notebook into the project");
  }

  Result<int> run(Context& context) override {
    DSTACK_CHECK(check_options());
    DSTACK_TRY(auto records, open_records(context));
    DSTACK_TRY(const auto run, find_run(context, records, name_));
    const store::ObjectStore objects(context.home);
    (void)objects.has_tree(run.code.snapshot);  // so that it stays; what is missing is named below
    if (diff_) {
      std::vector<std::string> notes;
      DSTACK_TRY(
          const std::string text,
          source::diff_against_commit(config::code_root(run.project), run.code, objects, notes)
              .map_error([&](Error error) { return name_code(std::move(error), run); }));
      for (const std::string& note : notes)
        context.messages.note(ui::paint(context.messages.stream(), ui::Colour::cyan, "note: ") +
                              printable(note));
      context.out.write(text);
      return exit_code::success;
    }
    if (changes_)
      return show_changes(context, records, run, objects).map_error([&](Error error) {
        return run::name_whole(std::move(error), fmt::format("the changes of run '{}'", run.name));
      });
    DSTACK_TRY(const auto order, run::read_run_order(records, run));
    if (output_.empty()) {
      print_facts(context, run);
      print_inputs(context, order.plan);
      return exit_code::success;
    }
    const Path output = place_of_new(output_);
    DSTACK_CHECK(check_empty(output.string()));
    DSTACK_CHECK(make_folders(output));
    DSTACK_CHECK(
        objects
            .lay_out(
                run.code.snapshot, output, store::LayOut::fresh, nullptr, store::Place::of_user)
            .map_error([&](Error error) { return name_code(std::move(error), run); }));
    DSTACK_TRY(const auto inputs, run::write_inputs(order.plan, run.project, objects, output));
    context.messages.note(fmt::format(
        "wrote {}{} to {}",
        plural(run.code.snapshot.files, "file"),
        inputs.inputs == 0 ? "" : fmt::format(" and {}", plural(inputs.inputs, "input")),
        printable(output_)));
    context.messages.warnings(inputs.warnings);
    return inputs.complete ? exit_code::success : exit_code::failure;
  }

 private:
  Result<void> check_options() const {
    if (diff_ && (changes_ || !output_.empty()))
      return fail(ErrorCode::usage,
                  "{}",
                  changes_ ? "'--diff' and '--changes' cannot be used together"
                           : "'--diff' and '-o' cannot be used together");
    if (apply_ && (!changes_ || !output_.empty()))
      return fail(ErrorCode::usage, "'--apply' needs '--changes', without '-o'")
          .with_hint("dstack code RUN --changes --apply");
    if (json_ && (!changes_ || apply_ || !output_.empty()))
      return fail(ErrorCode::usage, "'--json' needs '--changes', without '--apply' and '-o'");
    return {};
  }

  static Error name_code(Error error, const store::RunRecord& run) {
    return run::name_whole(std::move(error), fmt::format("the code of run '{}'", run.name));
  }

  // --- Changes ---

  Result<int> show_changes(Context& context,
                           store::Records& records,
                           const store::RunRecord& run,
                           const store::ObjectStore& objects) const {
    DSTACK_TRY(const auto edits, records.edits(run.id));
    DSTACK_TRY(const auto jobs, records.jobs(run.id));
    const auto labels = ui::job_labels(run, jobs);
    if (edits.empty())
      context.messages.note(
          fmt::format("the jobs of {} changed nothing besides their artifacts", run.name));
    if (!output_.empty())
      return write_changes(context, run, edits, labels);
    if (apply_)
      return apply_changes(context, run, edits, objects);
    Json list = Json::array();
    for (const job::Edits& of_job : edits) {
      const auto kept = run::store_of_changes(context.home, run.name, of_job);
      DSTACK_TRY(const auto paths, source::list_edits({run.code.snapshot, objects, of_job, kept}));
      const store::JobRecord& job = jobs.at(of_job.job);
      for (const source::EditedPath& path : paths) {
        list.push_back(Json{{"workflow", run.workflows.at(job.workflow).name},
                            {"job", job.id},
                            {"path", path.path},
                            {"kind", word_of(path.kind)},
                            {"size", path.size}});
        if (!json_)
          context.out.line(
              fmt::format("{}  {}{}",
                          letter_of(path.kind),
                          printable(path.path),
                          edits.size() > 1 ? fmt::format("  ({})", labels[of_job.job]) : ""));
      }
    }
    context.messages.warnings(secret_warnings(edits, labels));
    if (json_)
      context.out.json(list);
    else if (!edits.empty())
      context.messages.note(
          fmt::format("'dstack code {} --changes --apply' merges them into the project, '-o DIR' "
                      "writes them to a folder",
                      run.name));
    return exit_code::success;
  }

  /// With several jobs, each gets its own folder.
  Result<int> write_changes(Context& context,
                            const store::RunRecord& run,
                            const std::vector<job::Edits>& edits,
                            const std::vector<std::string>& labels) const {
    const Path output = place_of_new(output_);
    DSTACK_CHECK(check_empty(output.string()));
    DSTACK_CHECK(make_folders(output));
    std::uint64_t files = 0;
    for (const job::Edits& of_job : edits) {
      const Path folder = edits.size() > 1 ? output / labels[of_job.job] : output;
      const auto kept = run::store_of_changes(context.home, run.name, of_job);
      DSTACK_CHECK(
          kept.lay_out(of_job.files, folder, store::LayOut::fresh, nullptr, store::Place::of_user));
      files += of_job.files.files;
    }
    context.messages.note(fmt::format("wrote {} to {}", plural(files, "file"), printable(output_)));
    context.messages.warnings(secret_warnings(edits, labels));
    return exit_code::success;
  }

  static Result<int> apply_changes(Context& context,
                                   const store::RunRecord& run,
                                   const std::vector<job::Edits>& edits,
                                   const store::ObjectStore& objects) {
    const Unwinding unwinding;
    audit::note(context.home, "apply", {{"run", run.name}, {"project", run.project}});
    bool conflicts = false;
    std::size_t ignored = 0;
    for (const job::Edits& of_job : edits) {
      const auto kept = run::store_of_changes(context.home, run.name, of_job);
      DSTACK_TRY(const auto applied,
                 source::apply_edits(config::code_root(run.project),
                                     {run.code.snapshot, objects, of_job, kept}));
      ignored += applied.ignored.size();
      const auto report = [&](std::string_view what, const std::vector<std::string>& paths) {
        for (const std::string& path : paths)
          context.out.line(std::string(what) + printable(path));
      };
      report("written    ", applied.written);
      report("removed    ", applied.removed);
      report("merged     ", applied.merged);
      report("unchanged  ", applied.unchanged);
      report("CONFLICT   ", applied.conflicts);
      conflicts = conflicts || !applied.conflicts.empty();
    }
    if (ignored > 0)
      context.messages.note(
          fmt::format("{} that .gitignore names {} left out; 'dstack code {} --changes -o DIR' "
                      "writes all of them to a folder",
                      plural(ignored, "new file"),
                      ignored == 1 ? "was" : "were",
                      run.name));
    if (!conflicts)
      return exit_code::success;
    context.messages.note(
        fmt::format("the project changed the same lines: those files are left unchanged; '{}{} "
                    "--changes -o DIR' writes the run's versions",
                    "dstack code ",
                    run.name));
    return exit_code::failure;
  }

  static std::string word_of(source::EditedPath::Kind kind) {
    switch (kind) {
      case source::EditedPath::Kind::added:
        return "added";
      case source::EditedPath::Kind::changed:
        return "changed";
      case source::EditedPath::Kind::removed:
        break;
    }
    return "removed";
  }

  static std::string letter_of(source::EditedPath::Kind kind) {
    switch (kind) {
      case source::EditedPath::Kind::added:
        return "A";
      case source::EditedPath::Kind::changed:
        return "M";
      case source::EditedPath::Kind::removed:
        break;
    }
    return "D";
  }

  static Result<void> check_empty(const std::string& folder) {
    boost::system::error_code error;
    if (!fs::exists(fs::symlink_status(folder, error)))
      return {};
    if (!fs::is_directory(folder, error))
      return fail(ErrorCode::conflict, "'{}' is not a folder", folder)
          .with_hint("choose one that is new or empty");
    const bool empty = fs::is_empty(folder, error);
    if (error)
      return fail_errno_of(error.value(), "cannot read folder '{}'", folder);
    if (!empty)
      return fail(ErrorCode::conflict, "folder '{}' is not empty", folder)
          .with_hint(
              "choose one that is new or empty: the code of a run is never mixed with other files");
    return {};
  }

  static void print_inputs(Context& context, const plan::Plan& plan) {
    for (const plan::PlannedWorkflow& workflow : plan.workflows)
      for (const job::InputFile& input : workflow.input_files)
        context.out.line(fmt::format("{}{}",
                                     ui::paint(context.out.stream(), ui::Colour::dim, "input    "),
                                     printable(job::describe(input))));
  }

  static void print_facts(Context& context, const store::RunRecord& run) {
    const job::GitFacts& git = run.code.git;
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
        fmt::format("{}, {}, {}",
                    run.code.snapshot.tree.render(),
                    plural(run.code.snapshot.files, "file"),
                    render_size(run.code.snapshot.bytes)));
  }

  std::string name_;
  std::string output_;
  bool diff_ = false;
  bool changes_ = false;
  bool apply_ = false;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Action> make_code() {
  return std::make_unique<Code>();
}

}  // namespace dstack::cli

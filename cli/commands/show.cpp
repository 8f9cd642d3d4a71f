#include "command_line/exit_code.hpp"
#include "commands/commands.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/application.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/code.hpp"
#include "dstack/job/status.hpp"
#include "dstack/job/usage.hpp"
#include "dstack/run/report/description.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"
#include "dstack/sweep/address.hpp"
#include "ui/status.hpp"
#include "views/applications.hpp"
#include "views/numbers.hpp"
#include "views/secret_findings.hpp"
#include "views/workflow_rows.hpp"

#include <algorithm>
#include <set>

namespace dstack::cli {

namespace {

using run::Description;
using store::JobRecord;
using store::RunRecord;

std::string describe_workspace(const std::string& form) {
  return form == "project" ? "worked in the project itself" : fmt::format("workspace: {}", form);
}

/// "1.2 GB of memory at most, 3.2s of CPU, 5 MB read and 1 MB written on disks"; empty when nothing
/// is known.
std::string describe_usage(const job::Usage& usage) {
  const auto size = [](const std::optional<std::int64_t>& bytes) {
    return render_size(static_cast<std::uint64_t>(bytes.value_or(0)));
  };
  if (!usage.cpu_time)
    return {};
  return fmt::format(
      "{}{} of CPU, {} read and {} written on disks",
      usage.peak_memory
          ? fmt::format("{} of memory at most, ", size(usage.peak_memory))
          : fmt::format("{} of memory in its largest process, ", size(usage.largest_process)),
      render_duration(std::chrono::milliseconds(*usage.cpu_time)),
      size(usage.bytes_read),
      size(usage.bytes_written));
}

/// "webhook https://example.com: attempt 1 failed: HTTP 503; next attempt at 2026-…".
std::string describe(const store::NotificationRecord& notification) {
  const std::string attempts = std::to_string(notification.attempts);
  const std::string receiver = fmt::format("{}: ", printable(notification.receiver));
  switch (notification.status) {
    case store::NotificationStatus::delivered:
      return fmt::format(
          "{}delivered{}",
          receiver,
          notification.attempts > 1 ? fmt::format(" at attempt {}", attempts) : std::string());
    case store::NotificationStatus::failed:
      return fmt::format("{}failed after {}: {}",
                         receiver,
                         plural(notification.attempts, "attempt"),
                         printable(notification.reason));
    case store::NotificationStatus::waiting:
      break;
  }
  if (notification.attempts == 0)
    return fmt::format("{}being delivered", receiver);
  return fmt::format("{}attempt {} failed: {}{}",
                     receiver,
                     attempts,
                     printable(notification.reason),
                     notification.next_at
                         ? fmt::format("; next attempt at {}", render_time(*notification.next_at))
                         : std::string());
}

/// The page for people.
class Page {
 public:
  /// `changed`: how many files its jobs changed beside their artifacts.
  Page(Context& context, const Description& facts, std::uint64_t changed)
      : context_(context), facts_(facts), changed_(changed) {}

  void print() {
    print_run();
    for (const WorkflowRow& workflow : workflow_rows(facts_.run))
      print_workflow(workflow);
    print_jobs();
  }

 private:
  const ui::Stream& stream() const { return context_.out.stream(); }

  void row(std::string_view title, const std::string& value, std::string_view indent = "") {
    if (value.empty())
      return;
    std::string name = std::string(indent) + std::string(title);
    name.resize(std::max<std::size_t>(name.size(), 12), ' ');
    context_.out.line(fmt::format("{} {}", ui::paint(stream(), ui::Colour::dim, name), value));
  }

  std::string when(Timestamp time) const {
    return render_time(time) + (stream().terminal
                                    ? fmt::format(" ({})", render_age(time, facts_.read_at.wall))
                                    : std::string());
  }

  void print_run() {
    const RunRecord& run = facts_.run;
    ui::Outcome outcome;
    outcome.status = run.status;
    const ui::Cell status = ui::status_cell(stream(), outcome);
    row("run", ui::paint(stream(), ui::Colour::bold, run.name));
    row("status", ui::paint(stream(), status.colour, status.text));
    const std::string& arguments = shell_join(facts_.plan.arguments);
    row("target",
        printable(run.target + (arguments.empty() ? "" : fmt::format(" -- {}", arguments))));
    if (!facts_.origin.empty())
      row("restart", fmt::format("of {}", facts_.origin));
    row("project", printable(run.project));
    row("submitted", when(run.submitted_at));
    if (const auto duration = run::duration(facts_, run.started_at, run.finished_at))
      row("duration", render_duration(*duration));
    const job::GitFacts& git = run.code.git;
    if (!git.commit.empty())
      row("commit",
          git.commit + (git.branch.empty() ? "" : fmt::format(" on {}", printable(git.branch))) +
              (git.dirty ? ", with changes" : ""));
    row("remote", printable(git.remote));
    row("code",
        fmt::format("{}, {}, tree {}",
                    plural(run.code.snapshot.files, "file"),
                    render_size(run.code.snapshot.bytes),
                    run.code.snapshot.tree.render().substr(0, 12)));
    if (changed_ > 0)
      row("changes",
          fmt::format("{} beside the artifacts: dstack code {} --changes",
                      plural(changed_, "file"),
                      run.name));
    for (const store::NotificationRecord& notification : facts_.notifications)
      row("on_end", describe(notification));
  }

  /// Of a sweep what its first combination has; the table of jobs has the others.
  void print_workflow(const WorkflowRow& shown) {
    const std::size_t index = shown.workflow.index;
    const plan::PlannedWorkflow& workflow = facts_.plan.workflows[index];
    ui::Outcome outcome = ui::outcome_of(shown.workflow);
    outcome.counts = describe_counts(shown);
    const ui::Cell status = ui::status_cell(stream(), outcome);
    context_.out.line(
        fmt::format("\n{} ({} {}) {}",
                    ui::paint(stream(), ui::Colour::bold, printable(shown.workflow.name)),
                    printable(workflow.provider),
                    printable(workflow.provider_version),
                    ui::paint(stream(), status.colour, status.text)));
    std::vector<std::string> variables;
    for (const plan::EnvironmentVariable& variable : workflow.variables)
      variables.push_back(printable(variable.name + "=" + variable.value));
    if (shown.combinations > 0)
      row("sweep",
          fmt::format("{}; the first is {}",
                      plural(shown.combinations, "combination"),
                      printable(sweep::combination_of(workflow.name))),
          "  ");
    row("variables", join(variables, "  "), "  ");
    print_first_job(index);
    for (const plan::Input& input : workflow.inputs)
      row("input",
          input.producer
              ? printable(input.workflow)
              : fmt::format("{} of run {}",
                            printable(input.workflow + (input.tag.empty() ? "" : ":" + input.tag)),
                            input.run),
          "  ");
    for (const job::InputFile& input : workflow.input_files)
      row("input", printable(job::describe(input)), "  ");
    for (const job::EnvFile& file : workflow.env_files)
      row("env_file", printable(job::describe(file)), "  ");
    for (const job::Artifact& artifact : facts_.artifacts)
      if (artifact.workflow == workflow.name)
        print_artifact(artifact);
    if (shown.combinations == 0)
      row("metrics", describe_metrics(index), "  ");
    row("tags", printable(join(shown.workflow.tags, ", ")), "  ");
    for (const job::Application& app : running_apps(facts_.jobs, index))
      row("app",
          app.state == job::ApplicationState::ready
              ? render_app(stream(), facts_.run.name, app)
              : fmt::format(
                    "{} does not answer yet at {}", printable(app.name), printable(app.url)),
          "  ");
  }

  /// The last values that its jobs have reported: "acc 0.98  loss 0.02".
  std::string describe_metrics(std::size_t workflow) const {
    std::vector<std::string> values;
    for (const JobRecord& job : facts_.jobs)
      if (job.workflow == workflow)
        for (const auto& metric : facts_.metrics[job.index])
          values.push_back(
              fmt::format("{} {}", printable(metric.name), render_number(metric.last.value)));
    return join(values, "  ");
  }

  void print_artifact(const job::Artifact& artifact) {
    row("artifact",
        fmt::format("{}  {}, {}{}",
                    printable(artifact.path),
                    plural(artifact.tree.files, "file"),
                    render_size(artifact.tree.bytes),
                    artifact.partial ? " (partial)" : ""),
        "  ");
    row("secrets", describe_findings(artifact.exposure), "  ");
  }

  void print_first_job(std::size_t workflow) {
    const std::size_t index = run::first_job(facts_, workflow);
    if (index == facts_.plan.jobs.size())
      return;
    const plan::PlannedJob& job = facts_.plan.jobs[index];
    std::vector<std::string> settings;
    for (const plan::EnvironmentVariable& variable : job.environment)
      settings.push_back(printable(variable.name) + "=" +
                         (variable.is_hidden() ? "***" : printable(variable.value)));
    row("environment", join(settings, "  "), "  ");
    if (!job.python)
      return;
    const auto& packages = facts_.packages[index];
    row("python",
        fmt::format(
            "{}  {}{}",
            job.python->version,
            printable(job.python->program.string()),
            packages.empty() ? "" : fmt::format(", with {}", plural(packages.size(), "package"))),
        "  ");
  }

  void print_jobs() {
    ui::Table table({{"JOB"},
                     {"WORKFLOW"},
                     {"STATUS"},
                     {"DURATION"},
                     {"HISTORY", ui::Table::Align::left, ui::Table::Width::shrinks}});
    for (const JobRecord& job : facts_.jobs) {
      const auto duration = run::duration(facts_, job.started_at, job.finished_at);
      const store::WorkflowRecord& workflow = facts_.run.workflows[job.workflow];
      const std::string index =
          workflow.jobs > 1 ? "[" + std::to_string(run::index_in_workflow(facts_, job)) + "]" : "";
      table.add({{job.id},
                 {workflow.name + index},
                 ui::status_cell(stream(), ui::outcome_of(job)),
                 {duration ? render_duration(*duration) : "-"},
                 {history(job)}});
    }
    context_.out.write("\n" + table.render(stream()));
    for (const JobRecord& job : facts_.jobs)
      if ((job.status == job::Status::failed || job.status == job::Status::stopped ||
           is_held_up(job)) &&
          !job.reason.empty())
        context_.out.line(fmt::format("{}: {}", job.id, printable_lines(job.reason, "  ")));
    for (const JobRecord& job : facts_.jobs)
      for (const std::string& warning : job.warnings)
        context_.out.line(fmt::format("{}: warning: {}", job.id, printable_lines(warning, "  ")));
    for (const JobRecord& job : facts_.jobs)
      if (const std::string usage = describe_usage(job.usage); !usage.empty())
        context_.out.line(fmt::format("{}: {}", job.id, usage));
    print_workspaces();
  }

  /// By something that it waits for although it has begun, as room on the disk.
  static bool is_held_up(const JobRecord& job) {
    return !job::is_final(job.status) && job.status > job::Status::queued;
  }

  /// One line where all are alike.
  void print_workspaces() {
    std::set<std::string> forms;
    for (const JobRecord& job : facts_.jobs)
      forms.insert(job.workspace);
    for (const JobRecord& job : facts_.jobs)
      if (forms.size() > 1 && !job.workspace.empty())
        context_.out.line(fmt::format("{}: {}", job.id, describe_workspace(job.workspace)));
    if (forms.size() == 1 && !forms.begin()->empty())
      context_.out.line(describe_workspace(*forms.begin()));
  }

  /// Each status with the time since the submission. The successive reasons of a waiting job are
  /// one step.
  std::string history(const JobRecord& job) const {
    std::vector<std::string> steps;
    std::optional<job::Status> last;
    for (const store::HistoryEntry& entry : facts_.history[job.index]) {
      if (last != entry.status || entry.cause)
        steps.push_back(
            fmt::format("{} +{}", job::render(entry.status), render_duration(entry.at.elapsed)));
      last = entry.status;
    }
    return join(steps, ", ");
  }

  Context& context_;
  const Description& facts_;
  std::uint64_t changed_;
};

class Show final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("RUN", name_, Need::optional, "the run; default: the last one")
        .flag("--json", json_, "as JSON: one object")
        .example("dstack show", "the last run")
        .example("dstack show quiet-otter-3 --json", "for a program");
  }

  Result<int> run(Context& context) override {
    DSTACK_TRY(auto records, open_records(context));
    DSTACK_TRY(auto run, find_run(context, records, name_));
    DSTACK_TRY(const auto facts, run::describe_run(context.home, records, std::move(run)));
    if (json_) {
      context.out.json(run::render_description(facts));
      return exit_code::success;
    }
    DSTACK_TRY(const auto edits, records.edits(facts.run.id));
    std::uint64_t changed = 0;
    for (const job::Edits& of_job : edits)
      changed += of_job.count();
    Page(context, facts, changed).print();
    return exit_code::success;
  }

 private:
  std::string name_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Action> make_show() {
  return std::make_unique<Show>();
}

}  // namespace dstack::cli

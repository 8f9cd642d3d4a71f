#include "apps.hpp"
#include "commands/commands.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/plan/shown.hpp"
#include "dstack/run/order.hpp"
#include "exit_code.hpp"
#include "ui/status.hpp"

#include <algorithm>

namespace dstack::cli {

namespace {

using plan::Plan;
using store::JobRecord;
using store::RunRecord;

/// All that the records hold about one run.
struct Facts {
  RunRecord run;
  Plan plan;
  std::vector<JobRecord> jobs;
  std::vector<std::vector<store::HistoryEntry>> history;  ///< by job
  std::vector<store::ArtifactRecord> artifacts;
};

Result<Facts> gather(store::Records& records, RunRecord run) {
  Facts facts;
  DSTACK_TRY(const std::string text, records.plan(run.id));
  DSTACK_TRY(auto order, run::parse_run_order(text));
  facts.plan = plan::without_secrets(std::move(order.plan));
  DSTACK_TRY(facts.jobs, records.jobs(run.id));
  for (const JobRecord& job : facts.jobs) {
    DSTACK_TRY(auto history, records.history(run.id, job.index));
    facts.history.push_back(std::move(history));
  }
  DSTACK_TRY(facts.artifacts, records.artifacts(run.id));
  facts.run = std::move(run);
  return facts;
}

template <typename T>
Json optional_json(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json cause_json(const std::optional<store::Cause>& cause) {
  return cause ? Json(store::render(*cause)) : Json();
}

Json code_json(const store::CodeRecord& code) {
  const auto text = [](const std::string& value) { return value.empty() ? Json() : Json(value); };
  return {{"remote", text(code.git.remote)},
          {"branch", text(code.git.branch)},
          {"commit", text(code.git.commit)},
          {"tree", code.snapshot.tree.render()},
          {"dirty", code.git.dirty}};
}

Json inputs_json(const Facts& facts, const plan::PlannedWorkflow& workflow) {
  Json inputs = Json::array();
  for (const plan::Input& input : workflow.inputs)
    inputs.push_back({{"workflow", input.workflow},
                      {"tag", input.producer ? Json() : Json(input.tag)},
                      {"run", input.producer ? facts.run.name : input.run}});
  return inputs;
}

/// Of the workflow's first job; they differ in nothing that a person set. A secret shows its name
/// alone.
Json environment_json(const Facts& facts, std::size_t workflow) {
  Json environment = Json::object();
  for (const plan::PlannedJob& job : facts.plan.jobs) {
    if (job.workflow != workflow)
      continue;
    for (const plan::EnvironmentVariable& variable : job.environment)
      environment[variable.name] = variable.origin == "secret" ? Json() : Json(variable.value);
    break;
  }
  return environment;
}

Json apps_json(const Facts& facts, std::size_t workflow) {
  Json apps = Json::array();
  for (const store::AppRecord& app : running_apps(facts.jobs, workflow))
    apps.push_back({{"name", app.name},
                    {"url", app.url},
                    {"password", app.password.empty() ? Json() : Json(app.password)},
                    {"ready", app.state == store::AppState::ready},
                    {"ready_at", app.ready_at ? Json(render_time(*app.ready_at)) : Json()}});
  return apps;
}

Json workflow_json(const Facts& facts, std::size_t index) {
  const plan::PlannedWorkflow& workflow = facts.plan.workflows[index];
  Json variables = Json::object();
  for (const plan::EnvironmentVariable& variable : workflow.variables)
    variables[variable.name] = variable.value;
  Json artifacts = Json::array();
  for (const store::ArtifactRecord& artifact : facts.artifacts)
    if (artifact.workflow == workflow.name)
      artifacts.push_back({{"path", artifact.path},
                           {"tree", artifact.tree.tree.render()},
                           {"files", artifact.tree.files},
                           {"size", artifact.tree.bytes},
                           {"partial", artifact.partial}});
  return {{"workflow", workflow.name},
          {"provider", workflow.provider},
          {"provider_version", workflow.provider_version},
          {"status", store::render(facts.run.workflows[index].status)},
          {"variables", std::move(variables)},
          {"environment", environment_json(facts, index)},
          {"inputs", inputs_json(facts, workflow)},
          {"artifacts", std::move(artifacts)},
          {"apps", apps_json(facts, index)},
          {"tags", facts.run.workflows[index].tags}};
}

Json resources_json(const provider::Resources& resources) {
  const auto number = [](auto value) { return value == 0 ? Json() : Json(value); };
  return {{"cpu", number(resources.cpu)},
          {"memory", number(resources.memory)},
          {"gpu", number(resources.gpu)},
          {"gpu_name", resources.gpu_name.empty() ? Json() : Json(resources.gpu_name)},
          {"gpu_memory", number(resources.gpu_memory)},
          {"shm_size", number(resources.shm_size)}};
}

std::size_t index_in_workflow(const Facts& facts, const JobRecord& job) {
  return static_cast<std::size_t>(
      std::count_if(facts.jobs.begin(), facts.jobs.end(), [&](const JobRecord& other) {
        return other.workflow == job.workflow && other.index < job.index;
      }));
}

Json usage_json(const store::Usage& usage) {
  return {
      {"peak_memory", optional_json(usage.peak_memory)},
      {"largest_process", optional_json(usage.largest_process)},
      {"cpu_seconds", usage.cpu_time ? Json(static_cast<double>(*usage.cpu_time) / 1000) : Json()},
      {"bytes_read", optional_json(usage.bytes_read)},
      {"bytes_written", optional_json(usage.bytes_written)}};
}

/// "1.2 GB of memory at most, 3.2s of CPU, 5 MB read and 1 MB written on disks"; empty when nothing
/// is known.
std::string describe_usage(const store::Usage& usage) {
  const auto size = [](const std::optional<std::int64_t>& bytes) {
    return render_size(static_cast<std::uint64_t>(bytes.value_or(0)));
  };
  if (!usage.cpu_time)
    return {};
  return (usage.peak_memory ? size(usage.peak_memory) + " of memory at most, "
                            : size(usage.largest_process) + " of memory in its largest process, ") +
         render_duration(std::chrono::milliseconds(*usage.cpu_time)) + " of CPU, " +
         size(usage.bytes_read) + " read and " + size(usage.bytes_written) + " written on disks";
}

Json job_json(const Facts& facts, const JobRecord& job) {
  Json history = Json::array();
  // A job that goes back into the queue for a cause begins once more.
  std::size_t attempts = job.started_at || job.cause ? 1 : 0;
  for (const store::HistoryEntry& entry : facts.history[job.index]) {
    history.push_back({{"status", store::render(entry.status)},
                       {"at", render_time(entry.at)},
                       {"cause", cause_json(entry.cause)}});
    if (entry.status == store::Status::queued && entry.cause)
      ++attempts;
  }
  return {{"job", job.id},
          {"workflow", facts.run.workflows[job.workflow].name},
          {"index", index_in_workflow(facts, job)},
          {"status", store::render(job.status)},
          {"cause", cause_json(job.cause)},
          {"reason", job.reason.empty() ? Json() : Json(job.reason)},
          {"exit_code", optional_json(job.exit_code)},
          {"signal", optional_json(job.signal)},
          {"attempts", attempts},
          {"resources", resources_json(facts.plan.jobs[job.index].spec.resources)},
          {"usage", usage_json(job.usage)},
          {"history", std::move(history)}};
}

Json as_json(const Facts& facts) {
  Json workflows = Json::array();
  for (std::size_t index = 0; index < facts.plan.workflows.size(); ++index)
    workflows.push_back(workflow_json(facts, index));
  Json jobs = Json::array();
  for (const JobRecord& job : facts.jobs)
    jobs.push_back(job_json(facts, job));
  return {
      {"run", facts.run.name},
      {"project", facts.run.project},
      {"target", facts.run.target},
      {"status", store::render(facts.run.status)},
      {"submitted_at", render_time(facts.run.submitted_at)},
      {"started_at", facts.run.started_at ? Json(render_time(*facts.run.started_at)) : Json()},
      {"finished_at", facts.run.finished_at ? Json(render_time(*facts.run.finished_at)) : Json()},
      {"code", code_json(facts.run.code)},
      {"workflows", std::move(workflows)},
      {"jobs", std::move(jobs)}};
}

/// The page for people.
class Page {
 public:
  Page(Context& context, const Facts& facts) : context_(context), facts_(facts) {}

  void print() {
    print_run();
    for (std::size_t index = 0; index < facts_.plan.workflows.size(); ++index)
      print_workflow(index);
    print_jobs();
  }

 private:
  const ui::Stream& stream() const { return context_.out.stream(); }

  void row(std::string_view title, const std::string& value, std::string_view indent = "") {
    if (value.empty())
      return;
    std::string name = std::string(indent) + std::string(title);
    name.resize(std::max<std::size_t>(name.size(), 12), ' ');
    context_.out.line(ui::paint(stream(), ui::Colour::dim, name) + " " + value);
  }

  std::string when(Timestamp time) const {
    return render_time(time) +
           (stream().terminal ? " (" + render_age(time, now()) + ")" : std::string());
  }

  void print_run() {
    const RunRecord& run = facts_.run;
    ui::Outcome outcome;
    outcome.status = run.status;
    const ui::Cell status = ui::status_cell(stream(), outcome);
    row("run", ui::paint(stream(), ui::Colour::bold, run.name));
    row("status", ui::paint(stream(), status.colour, status.text));
    const std::string& arguments = shell_join(facts_.plan.arguments);
    row("target", printable(run.target + (arguments.empty() ? "" : " -- " + arguments)));
    row("project", printable(run.project));
    row("submitted", when(run.submitted_at));
    if (run.started_at)
      row("duration", render_duration(run.finished_at.value_or(now()) - *run.started_at));
    const store::GitFacts& git = run.code.git;
    if (!git.commit.empty())
      row("commit",
          git.commit + (git.branch.empty() ? "" : " on " + printable(git.branch)) +
              (git.dirty ? ", with changes" : ""));
    row("remote", printable(git.remote));
    row("code",
        plural(run.code.snapshot.files, "file") + ", " + render_size(run.code.snapshot.bytes) +
            ", tree " + run.code.snapshot.tree.render().substr(0, 12));
  }

  void print_workflow(std::size_t index) {
    const plan::PlannedWorkflow& workflow = facts_.plan.workflows[index];
    const ui::Cell status = ui::status_cell(stream(), ui::outcome_of(facts_.run.workflows[index]));
    context_.out.line("\n" + ui::paint(stream(), ui::Colour::bold, printable(workflow.name)) +
                      " (" + printable(workflow.provider) + " " +
                      printable(workflow.provider_version) + ") " +
                      ui::paint(stream(), status.colour, status.text));
    std::vector<std::string> variables;
    for (const plan::EnvironmentVariable& variable : workflow.variables)
      variables.push_back(printable(variable.name + "=" + variable.value));
    row("variables", join(variables, "  "), "  ");
    for (const plan::Input& input : workflow.inputs)
      row("input",
          input.producer ? printable(input.workflow)
                         : printable(input.workflow + ":" + input.tag) + " of run " + input.run,
          "  ");
    for (const store::ArtifactRecord& artifact : facts_.artifacts)
      if (artifact.workflow == workflow.name)
        row("artifact",
            printable(artifact.path) + "  " + plural(artifact.tree.files, "file") + ", " +
                render_size(artifact.tree.bytes) + (artifact.partial ? " (partial)" : ""),
            "  ");
    row("tags", printable(join(facts_.run.workflows[index].tags, ", ")), "  ");
    for (const store::AppRecord& app : running_apps(facts_.jobs, index))
      row("app",
          app.state == store::AppState::ready
              ? render_app(stream(), app)
              : printable(app.name) + " does not answer yet at " + printable(app.url),
          "  ");
  }

  void print_jobs() {
    ui::Table table({{"JOB"},
                     {"WORKFLOW"},
                     {"STATUS"},
                     {"DURATION"},
                     {"HISTORY", ui::Table::Align::left, ui::Table::Width::shrinks}});
    for (const JobRecord& job : facts_.jobs) {
      const std::string duration =
          job.started_at ? render_duration(job.finished_at.value_or(now()) - *job.started_at) : "-";
      const store::WorkflowRecord& workflow = facts_.run.workflows[job.workflow];
      const std::string index =
          workflow.jobs > 1 ? "[" + std::to_string(index_in_workflow(facts_, job)) + "]" : "";
      table.add({{job.id},
                 {workflow.name + index},
                 ui::status_cell(stream(), ui::outcome_of(job)),
                 {duration},
                 {history(job)}});
    }
    context_.out.write("\n" + table.render(stream()));
    for (const JobRecord& job : facts_.jobs)
      if ((job.status == store::Status::failed || job.status == store::Status::stopped) &&
          !job.reason.empty())
        context_.out.line(job.id + ": " + printable_lines(job.reason, "  "));
    for (const JobRecord& job : facts_.jobs)
      if (const std::string usage = describe_usage(job.usage); !usage.empty())
        context_.out.line(job.id + ": " + usage);
  }

  /// Each status with the time from the submission on. One that waits has many reasons, one after
  /// the other: they are one step.
  std::string history(const JobRecord& job) const {
    std::vector<std::string> steps;
    std::optional<store::Status> last;
    for (const store::HistoryEntry& entry : facts_.history[job.index]) {
      if (last != entry.status || entry.cause)
        steps.push_back(std::string(store::render(entry.status)) + " +" +
                        render_duration(entry.at - facts_.run.submitted_at));
      last = entry.status;
    }
    return join(steps, ", ");
  }

  Context& context_;
  const Facts& facts_;
};

class Show final : public Action {
 public:
  void declare(Syntax& syntax) override {
    syntax.argument("RUN", name_, Need::optional, "the run; default: the last one")
        .flag("--json", json_, "as JSON: one object")
        .example("dstack show", "all about the last run")
        .example("dstack show quiet-otter-3 --json", "for a program");
  }

  Result<int> run(Context& context) override {
    DSTACK_TRY(auto records, open_records(context));
    DSTACK_TRY(auto run, find_run(context, records, name_));
    DSTACK_TRY(const auto facts, gather(records, std::move(run)));
    if (json_)
      context.out.json(as_json(facts));
    else
      Page(context, facts).print();
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

#include "dstack/run/report/description.hpp"

#include "dstack/base/text.hpp"
#include "dstack/job/application.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/code.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/job/secret_findings.hpp"
#include "dstack/job/status.hpp"
#include "dstack/job/stop_signal.hpp"
#include "dstack/job/usage.hpp"
#include "dstack/metrics/value_json.hpp"
#include "dstack/plan/redaction.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "dstack/store/records/run_record.hpp"
#include "dstack/sweep/address.hpp"

#include <algorithm>

namespace dstack::run {

namespace {

template <typename T>
Json optional_json(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json optional_time(const std::optional<Timestamp>& time) {
  return time ? Json(render_time(*time)) : Json();
}

Json optional_time(const std::optional<job::Moment>& moment) {
  return moment ? Json(render_time(moment->at)) : Json();
}

Json seconds_json(const std::optional<std::chrono::milliseconds>& duration) {
  return duration ? Json(std::chrono::duration<double>(*duration).count()) : Json();
}

/// A time of a file is in nanoseconds.
Timestamp time_of_file(std::int64_t nanoseconds) {
  return Timestamp(std::chrono::milliseconds(nanoseconds / 1'000'000));
}

Json cause_json(const std::optional<job::Cause>& cause) {
  return cause ? Json(job::render(*cause)) : Json();
}

/// `lr=0.1,seed=2` of a workflow that is swept, else null.
Json combination_json(const std::string& workflow) {
  const std::string_view combination = sweep::combination_of(workflow);
  return combination.empty() ? Json() : Json(combination);
}

Json code_json(const job::CodeRecord& code) {
  const auto text = [](const std::string& value) { return value.empty() ? Json() : Json(value); };
  return {{"remote", text(code.git.remote)},
          {"branch", text(code.git.branch)},
          {"commit", text(code.git.commit)},
          {"tree", code.snapshot.tree.render()},
          {"dirty", code.git.dirty}};
}

Json inputs_json(const Description& description, const plan::PlannedWorkflow& workflow) {
  Json inputs = Json::array();
  for (const plan::Input& input : workflow.inputs)
    inputs.push_back({{"workflow", input.workflow},
                      {"folder", input.folder.empty() ? Json() : Json(input.folder)},
                      {"tag", input.tag.empty() ? Json() : Json(input.tag)},
                      {"run", input.producer ? description.run.name : input.run}});
  return inputs;
}

Json input_files_json(const plan::PlannedWorkflow& workflow) {
  Json inputs = Json::array();
  for (const job::InputFile& input : workflow.input_files)
    inputs.push_back({{"path", input.path},
                      {"at", input.at},
                      {"size", input.incomplete ? Json() : Json(input.size)},
                      {"sha256", input.sha256 ? Json(input.sha256->render()) : Json()},
                      {"link", input.link},
                      {"files", input.incomplete ? Json() : Json(input.files)},
                      {"modified", render_time(time_of_file(input.modified))}});
  return inputs;
}

/// Never a value.
Json env_files_json(const plan::PlannedWorkflow& workflow) {
  Json files = Json::array();
  for (const job::EnvFile& file : workflow.env_files)
    files.push_back({{"path", file.path}, {"sha256", file.sha256.render()}, {"mask", file.mask}});
  return files;
}

/// A secret, or what a file of variables sets, shows its name alone.
Json environment_json(const Description& description, std::size_t workflow) {
  Json environment = Json::object();
  const std::size_t job = first_job(description, workflow);
  if (job < description.plan.jobs.size())
    for (const plan::EnvironmentVariable& variable : description.plan.jobs[job].environment)
      environment[variable.name] = variable.is_hidden() ? Json() : Json(variable.value);
  return environment;
}

Json apps_json(const Description& description, std::size_t workflow) {
  Json apps = Json::array();
  for (const job::Application& app : running_apps(description.jobs, workflow))
    apps.push_back({{"name", app.name},
                    {"url", app.url},
                    {"password", app.password.empty() ? Json() : Json(app.password)},
                    {"ready", app.state == job::ApplicationState::ready},
                    {"ready_at", optional_time(app.ready_at)}});
  return apps;
}

/// `artifacts list` shows which file a masked path is.
Json exposed_json(const job::SecretFindings& exposure) {
  Json json = exposure;
  if (json.is_object())
    for (Json& file : json["files"])
      file.erase("number");
  return json;
}

Json workflow_json(const Description& description, std::size_t index) {
  const plan::PlannedWorkflow& workflow = description.plan.workflows[index];
  Json variables = Json::object();
  for (const plan::EnvironmentVariable& variable : workflow.variables)
    variables[variable.name] = variable.value;
  Json artifacts = Json::array();
  for (const job::Artifact& artifact : description.artifacts)
    if (artifact.workflow == workflow.name)
      artifacts.push_back({{"path", artifact.path},
                           {"tree", artifact.tree.tree.render()},
                           {"files", artifact.tree.files},
                           {"size", artifact.tree.bytes},
                           {"partial", artifact.partial},
                           {"exposed", exposed_json(artifact.exposure)}});
  return {{"workflow", std::string(sweep::workflow_of(workflow.name))},
          {"combination", combination_json(workflow.name)},
          {"provider", workflow.provider},
          {"provider_version", workflow.provider_version},
          {"status", job::render(description.run.workflows[index].status)},
          {"variables", std::move(variables)},
          {"environment", environment_json(description, index)},
          {"inputs", inputs_json(description, workflow)},
          {"input_files", input_files_json(workflow)},
          {"env_files", env_files_json(workflow)},
          {"artifacts", std::move(artifacts)},
          {"apps", apps_json(description, index)},
          {"tags", description.run.workflows[index].tags}};
}

/// The list exists once the job's environment was made.
std::vector<std::string> read_packages(const Path& job_folder) {
  const std::string text = read_file(job_folder / file_names::packages).value_or("");
  std::vector<std::string> packages;
  for (const std::string_view line : split(text, '\n'))
    if (!line.empty())
      packages.emplace_back(line);
  return packages;
}

Json python_json(const Description& description, std::size_t job) {
  const auto& python = description.plan.jobs[job].python;
  if (!python)
    return {};
  return {{"version", python->version},
          {"program", python->program.string()},
          {"named_by", python->named_by.empty() ? Json() : Json(python->named_by)},
          {"packages", description.packages[job]}};
}

Json resources_json(const job::Resources& resources) {
  const auto number = [](auto value) { return value == 0 ? Json() : Json(value); };
  return {{"cpu", number(resources.cpu)},
          {"memory", number(resources.memory)},
          {"gpu", number(resources.gpu)},
          {"gpu_name", resources.gpu_name.empty() ? Json() : Json(resources.gpu_name)},
          {"gpu_memory", number(resources.gpu_memory)},
          {"shm_size", number(resources.shm_size)},
          {"processes", number(resources.processes)},
          {"disk", number(resources.disk)}};
}

Json usage_json(const job::Usage& usage) {
  return {{"peak_memory", optional_json(usage.peak_memory)},
          {"largest_process", optional_json(usage.largest_process)},
          {"cpu_seconds",
           usage.cpu_time ? seconds_json(std::chrono::milliseconds(*usage.cpu_time)) : Json()},
          {"bytes_read", optional_json(usage.bytes_read)},
          {"bytes_written", optional_json(usage.bytes_written)}};
}

Json notifications_json(const std::vector<store::NotificationRecord>& notifications) {
  Json all = Json::array();
  for (const store::NotificationRecord& notification : notifications)
    all.push_back({{"id", notification.id},
                   {"receiver", notification.receiver},
                   {"status", store::render(notification.status)},
                   {"attempts", notification.attempts},
                   {"reason", notification.reason.empty() ? Json() : Json(notification.reason)},
                   {"tried_at", optional_time(notification.tried_at)},
                   {"next_at", optional_time(notification.next_at)}});
  return all;
}

/// Their last values.
Json metrics_json(const std::vector<metrics::MetricSummary>& metrics) {
  Json list = Json::array();
  for (const metrics::MetricSummary& metric : metrics)
    list.push_back({{"metric", metric.name},
                    {"step", metric.last.step},
                    {"value", metrics::value_json(metric.last.value)}});
  return list;
}

Json job_json(const Description& description, const store::JobRecord& job) {
  const job::JobSpec& spec = description.plan.jobs[job.index].spec;
  Json history = Json::array();
  // A job that is queued with a cause is retried.
  std::size_t attempts = job.started_at || job.cause ? 1 : 0;
  for (const store::HistoryEntry& entry : description.history[job.index]) {
    history.push_back({{"status", job::render(entry.status)},
                       {"at", render_time(entry.at.at)},
                       {"elapsed_seconds", seconds_json(entry.at.elapsed)},
                       {"cause", cause_json(entry.cause)}});
    if (entry.status == job::Status::queued && entry.cause)
      ++attempts;
  }
  return {
      {"job", job.id},
      {"workflow", std::string(sweep::workflow_of(description.run.workflows[job.workflow].name))},
      {"combination", combination_json(description.run.workflows[job.workflow].name)},
      {"index", index_in_workflow(description, job)},
      {"status", job::render(job.status)},
      {"cause", cause_json(job.cause)},
      {"reason", job.reason.empty() ? Json() : Json(job.reason)},
      {"warnings", job.warnings},
      {"exit_code", optional_json(job.exit_code)},
      {"signal", optional_json(job.signal)},
      {"attempts", attempts},
      {"python", python_json(description, job.index)},
      {"resources", resources_json(spec.resources)},
      {"stop_signal", spec.stop_signal.empty() ? job::stop_signals().front() : spec.stop_signal},
      {"workspace", job.workspace.empty() ? Json() : Json(job.workspace)},
      {"duration_seconds", seconds_json(duration(description, job.started_at, job.finished_at))},
      {"usage", usage_json(job.usage)},
      {"metrics", metrics_json(description.metrics[job.index])},
      {"history", std::move(history)}};
}

}  // namespace

Result<Description> describe_run(const files::Home& home,
                                 store::Records& records,
                                 store::RunRecord run) {
  Description description;
  DSTACK_TRY(auto order, read_run_order(records, run));
  description.plan = plan::without_secrets(std::move(order.plan));
  description.origin = std::move(order.origin);
  DSTACK_TRY(description.jobs, records.jobs(run.id));
  for (const store::JobRecord& job : description.jobs) {
    DSTACK_TRY(auto history, records.history(run.id, job.index));
    description.history.push_back(std::move(history));
    description.packages.push_back(read_packages(home.job(run.name, job.index)));
    DSTACK_TRY(auto metrics, metrics::read_summary(home.job(run.name, job.index)));
    description.metrics.push_back(std::move(metrics));
  }
  DSTACK_TRY(description.artifacts, records.artifacts(run.id));
  DSTACK_TRY(description.notifications, records.notifications(run.id));
  description.run = std::move(run);
  description.read_at = process::read_clocks();
  return description;
}

std::optional<std::chrono::milliseconds> duration(const Description& description,
                                                  const std::optional<job::Moment>& started_at,
                                                  const std::optional<job::Moment>& finished_at) {
  if (!started_at)
    return std::nullopt;
  return job::duration(*started_at, finished_at, description.run.clock, description.read_at);
}

Json render_description(const Description& description) {
  Json workflows = Json::array();
  for (std::size_t index = 0; index < description.plan.workflows.size(); ++index)
    workflows.push_back(workflow_json(description, index));
  Json jobs = Json::array();
  for (const store::JobRecord& job : description.jobs)
    jobs.push_back(job_json(description, job));
  return {{"run", description.run.name},
          {"project", description.run.project},
          {"target", description.run.target},
          {"arguments", description.plan.arguments},
          {"origin", description.origin.empty() ? Json() : Json(description.origin)},
          {"status", job::render(description.run.status)},
          {"submitted_at", render_time(description.run.submitted_at)},
          {"started_at", optional_time(description.run.started_at)},
          {"finished_at", optional_time(description.run.finished_at)},
          {"duration_seconds",
           seconds_json(
               duration(description, description.run.started_at, description.run.finished_at))},
          {"code", code_json(description.run.code)},
          {"workflows", std::move(workflows)},
          {"jobs", std::move(jobs)},
          {"notifications", notifications_json(description.notifications)}};
}

std::size_t first_job(const Description& description, std::size_t workflow) {
  const auto& jobs = description.plan.jobs;
  return static_cast<std::size_t>(
      std::find_if(jobs.begin(),
                   jobs.end(),
                   [&](const plan::PlannedJob& job) { return job.workflow == workflow; }) -
      jobs.begin());
}

std::size_t index_in_workflow(const Description& description, const store::JobRecord& job) {
  return static_cast<std::size_t>(std::count_if(
      description.jobs.begin(), description.jobs.end(), [&](const store::JobRecord& other) {
        return other.workflow == job.workflow && other.index < job.index;
      }));
}

std::vector<job::Application> running_apps(const std::vector<store::JobRecord>& jobs) {
  std::vector<job::Application> apps;
  for (const store::JobRecord& job : jobs)
    if (job.status == job::Status::running)
      apps.insert(apps.end(), job.apps.begin(), job.apps.end());
  return apps;
}

std::vector<job::Application> running_apps(const std::vector<store::JobRecord>& jobs,
                                           std::size_t workflow) {
  auto apps = running_apps(jobs);
  std::erase_if(apps,
                [&](const job::Application& app) { return jobs[app.job].workflow != workflow; });
  return apps;
}

}  // namespace dstack::run

// The plan as JSON and back, exactly. It is kept with the run's record, so its keys only ever grow.
#include "dstack/job/artifact.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/plan/plan.hpp"

namespace dstack::plan {

namespace {

Json render_variables(const std::vector<EnvironmentVariable>& variables) {
  Json list = Json::array();
  for (const EnvironmentVariable& variable : variables)
    list.push_back(Json::array({variable.name, variable.value, variable.origin}));
  return list;
}

Json render_artifact(const job::Artifact& artifact) {
  return {{"workflow", artifact.workflow},
          {"path", artifact.path},
          {"tree", artifact.tree.tree.render()},
          {"times", artifact.tree.times.render()},
          {"files", artifact.tree.files},
          {"bytes", artifact.tree.bytes},
          {"partial", artifact.partial}};
}

Json render_input(const Input& input) {
  Json json = {{"workflow", input.workflow}};
  if (input.producer)
    json["producer"] = *input.producer;
  if (!input.tag.empty() || !input.run.empty()) {
    json["tag"] = input.tag;
    json["run"] = input.run;
  }
  if (!input.artifacts.empty()) {
    Json& artifacts = json["artifacts"] = Json::array();
    for (const job::Artifact& artifact : input.artifacts)
      artifacts.push_back(render_artifact(artifact));
  }
  return json;
}

Json render_workflow(const PlannedWorkflow& workflow) {
  Json inputs = Json::array();
  for (const Input& input : workflow.inputs)
    inputs.push_back(render_input(input));
  Json json = Json::object();
  json["name"] = workflow.name;
  json["provider"] = workflow.provider;
  json["provider_version"] = workflow.provider_version;
  json["provider_path"] = workflow.provider_path;
  json["inputs"] = std::move(inputs);
  json["variables"] = render_variables(workflow.variables);
  if (!workflow.secrets.empty())
    json["secrets"] = workflow.secrets;
  json["properties"] = workflow.properties;
  return json;
}

Json render_planned_job(const PlannedJob& job) {
  Json json = Json::object();
  json["workflow"] = job.workflow;
  json["spec"] = job::render_job(job.spec);
  json["environment"] = render_variables(job.environment);
  if (job.python)
    json["python"] = render_python(job.python);
  json["notices"] = job.notices;
  return json;
}

// --- Reading ---

Failure damaged(std::string_view what) {
  return fail(ErrorCode::internal,
              "the recorded plan is damaged: its " + std::string(what) + " cannot be read");
}

std::uint64_t unsigned_of(const Json& object, std::string_view name) {
  const Json* member = json_member(object, name);
  return member != nullptr && member->is_number_integer() ? member->get<std::uint64_t>() : 0;
}

/// The elements of a list member; none where it is missing.
const Json& list_of(const Json& object, std::string_view name) {
  static const Json none = Json::array();
  const Json* member = json_member(object, name);
  return member != nullptr && member->is_array() ? *member : none;
}

Result<std::vector<EnvironmentVariable>> parse_variables(const Json& object,
                                                         std::string_view name) {
  std::vector<EnvironmentVariable> variables;
  const Json& list = list_of(object, name);
  variables.reserve(list.size());
  for (const Json& entry : list) {
    if (!entry.is_array() || entry.size() != 3 || !entry[0].is_string() || !entry[1].is_string() ||
        !entry[2].is_string())
      return damaged(name);
    variables.push_back(
        {entry[0].get<std::string>(), entry[1].get<std::string>(), entry[2].get<std::string>()});
  }
  return variables;
}

Result<job::Artifact> parse_artifact(const Json& json) {
  job::Artifact artifact;
  artifact.workflow = json_string(json, "workflow");
  artifact.path = json_string(json, "path");
  const auto tree = Digest::parse(json_string(json, "tree"));
  const auto times = Digest::parse(json_string(json, "times"));
  if (!tree || !times)
    return damaged("input");
  artifact.tree = {*tree, *times, unsigned_of(json, "files"), unsigned_of(json, "bytes")};
  artifact.partial = json_boolean(json, "partial");
  return artifact;
}

Result<Input> parse_input(const Json& json) {
  Input input;
  input.workflow = json_string(json, "workflow");
  if (json_member(json, "producer") != nullptr)
    input.producer = unsigned_of(json, "producer");
  input.tag = json_string(json, "tag");
  input.run = json_string(json, "run");
  for (const Json& entry : list_of(json, "artifacts")) {
    DSTACK_TRY(auto artifact, parse_artifact(entry));
    input.artifacts.push_back(std::move(artifact));
  }
  return input;
}

/// Workflows stand after those they depend on; a plan that says otherwise would never end.
Result<PlannedWorkflow> parse_workflow(const Json& json, std::size_t index) {
  PlannedWorkflow workflow;
  workflow.name = json_string(json, "name");
  workflow.provider = json_string(json, "provider");
  workflow.provider_version = json_string(json, "provider_version");
  workflow.provider_path = json_string(json, "provider_path");
  for (const Json& entry : list_of(json, "inputs")) {
    DSTACK_TRY(auto input, parse_input(entry));
    if (input.producer && *input.producer >= index)
      return damaged("order");
    workflow.inputs.push_back(std::move(input));
  }
  DSTACK_TRY(workflow.variables, parse_variables(json, "variables"));
  workflow.secrets = json_strings(json, "secrets");
  if (const Json* properties = json_member(json, "properties"))
    workflow.properties = *properties;
  return workflow;
}

Result<PlannedJob> parse_planned_job(const Json& json, std::size_t workflows) {
  PlannedJob job;
  job.workflow = unsigned_of(json, "workflow");
  const Json* spec = json_member(json, "spec");
  if (spec == nullptr || job.workflow >= workflows)
    return damaged("job");
  DSTACK_TRY(job.spec, job::parse_job(*spec));
  DSTACK_TRY(job.environment, parse_variables(json, "environment"));
  job.python = parse_python(json_member(json, "python"));
  job.notices = json_strings(json, "notices");
  return job;
}

}  // namespace

Json render_python(const std::optional<python::Interpreter>& python) {
  if (!python)
    return nullptr;
  return {{"program", python->program.string()},
          {"version", python->version},
          {"source", python->source}};
}

std::optional<python::Interpreter> parse_python(const Json* json) {
  if (json == nullptr || !json->is_object())
    return std::nullopt;
  return python::Interpreter{
      json_string(*json, "program"), json_string(*json, "version"), json_string(*json, "source")};
}

Json render_plan(const Plan& plan) {
  Json workflows = Json::array();
  for (const PlannedWorkflow& workflow : plan.workflows)
    workflows.push_back(render_workflow(workflow));
  Json jobs = Json::array();
  for (const PlannedJob& job : plan.jobs)
    jobs.push_back(render_planned_job(job));
  Json json = Json::object();
  json["project"] = plan.project;
  json["git"] = Json{{"remote", plan.git.remote},
                     {"branch", plan.git.branch},
                     {"commit", plan.git.commit},
                     {"root_commit", plan.git.root_commit},
                     {"dirty", plan.git.dirty}};
  json["target"] = plan.target;
  json["run_name"] = plan.run_name;
  json["arguments"] = plan.arguments;
  json["base"] = render_variables(plan.base);
  json["workflows"] = std::move(workflows);
  json["jobs"] = std::move(jobs);
  json["notices"] = plan.notices;
  return json;
}

Result<Plan> parse_plan(const Json& json) {
  if (!json.is_object())
    return damaged("text");
  Plan plan;
  plan.project = json_string(json, "project");
  if (const Json* git = json_member(json, "git"))
    plan.git = {json_string(*git, "remote"),
                json_string(*git, "branch"),
                json_string(*git, "commit"),
                json_string(*git, "root_commit"),
                json_boolean(*git, "dirty")};
  plan.target = json_string(json, "target");
  plan.run_name = json_string(json, "run_name");
  plan.arguments = json_strings(json, "arguments");
  DSTACK_TRY(plan.base, parse_variables(json, "base"));
  for (const Json& entry : list_of(json, "workflows")) {
    DSTACK_TRY(auto workflow, parse_workflow(entry, plan.workflows.size()));
    plan.workflows.push_back(std::move(workflow));
  }
  for (const Json& entry : list_of(json, "jobs")) {
    DSTACK_TRY(auto job, parse_planned_job(entry, plan.workflows.size()));
    plan.jobs.push_back(std::move(job));
  }
  plan.notices = json_strings(json, "notices");
  return plan;
}

}  // namespace dstack::plan

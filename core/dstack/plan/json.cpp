// The plan as JSON and back, exactly. It is kept with the run's record, so its keys only ever grow.
#include "dstack/base/json_fields.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/plan/plan.hpp"

namespace dstack::plan {

template <class Fields, MaybeConst<Input> Self>
void fields(Fields& fields, Self& input) {
  fields.member("workflow", input.workflow);
  fields.optional("producer", input.producer);
  fields.optional("tag", input.tag);
  fields.optional("run", input.run);
  fields.optional("artifacts", input.artifacts);
  fields.optional("folder", input.folder);
}

template <class Fields, MaybeConst<PlannedWorkflow> Self>
void fields(Fields& fields, Self& workflow) {
  fields.member("name", workflow.name);
  fields.optional("combination", workflow.combination);
  fields.member("provider", workflow.provider);
  fields.member("provider_version", workflow.provider_version);
  fields.member("provider_path", workflow.provider_path);
  fields.member("inputs", workflow.inputs);
  fields.optional("input_files", workflow.input_files);
  fields.optional("env_files", workflow.env_files);
  fields.member("variables", workflow.variables);
  fields.optional("secrets", workflow.secrets);
  fields.member("properties", workflow.properties);
  fields.optional("secret_properties", workflow.secret_properties);
}

template <class Fields, MaybeConst<PlannedJob> Self>
void fields(Fields& fields, Self& job) {
  fields.member("workflow", job.workflow);
  fields.required("spec", job.spec);
  fields.member("environment", job.environment);
  fields.optional("python", job.python);
  fields.member("notices", job.notices);
}

template <class Fields, MaybeConst<Plan> Self>
void fields(Fields& fields, Self& plan) {
  fields.member("project", plan.project);
  fields.optional("place", plan.place);
  fields.member("git", plan.git);
  fields.member("target", plan.target);
  fields.member("run_name", plan.run_name);
  fields.member("arguments", plan.arguments);
  fields.member("base", plan.base);
  fields.member("workflows", plan.workflows);
  fields.member("jobs", plan.jobs);
  fields.member("notices", plan.notices);
}

namespace {

/// Workflows come after those they depend on; a plan in another order would never end.
void check_order(const Plan& plan) {
  for (std::size_t index = 0; index < plan.workflows.size(); ++index)
    for (const Input& input : plan.workflows[index].inputs)
      if (input.producer && *input.producer >= index)
        throw JsonProblem("a workflow comes before one that it depends on");
  for (const PlannedJob& job : plan.jobs)
    if (job.workflow >= plan.workflows.size())
      throw JsonProblem("the workflow of a job does not exist");
}

}  // namespace

void to_json(Json& json, const EnvironmentVariable& variable) {
  json = Json::array({variable.name, variable.value, render(variable.origin)});
}

void from_json(const Json& json, EnvironmentVariable& variable) {
  if (!json.is_array() || json.size() != 3 || !json[0].is_string() || !json[1].is_string() ||
      !json[2].is_string())
    throw JsonProblem("a variable must be a list of its name, its value and its origin");
  json[0].get_to(variable.name);
  json[1].get_to(variable.value);
  variable.origin = parse_variable_origin(json[2].get_ref<const std::string&>());
}

void to_json(Json& json, const Input& input) {
  write_fields(json, input);
}

void from_json(const Json& json, Input& input) {
  read_fields(json, input, "input");
}

void to_json(Json& json, const PlannedWorkflow& workflow) {
  write_fields(json, workflow);
}

void from_json(const Json& json, PlannedWorkflow& workflow) {
  read_fields(json, workflow, "workflow");
}

void to_json(Json& json, const PlannedJob& job) {
  write_fields(json, job);
}

void from_json(const Json& json, PlannedJob& job) {
  read_fields(json, job, "job");
}

void to_json(Json& json, const Plan& plan) {
  write_fields(json, plan);
}

void from_json(const Json& json, Plan& plan) {
  read_fields(json, plan, "plan");
  check_order(plan);
}

}  // namespace dstack::plan

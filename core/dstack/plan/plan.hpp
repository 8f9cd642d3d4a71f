// A run before it runs: workflows and providers made into a graph of jobs. A value: it can be
// printed, compared, stored as JSON and tested without running anything.
#pragma once

#include "dstack/base/json.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/code.hpp"
#include "dstack/job/input_file.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/plan/variable_origin.hpp"
#include "dstack/python/python.hpp"
#include "dstack/sweep/combination.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::resources {
struct EnforcementMethods;
}

namespace dstack::plan {

/// A variable of a job with its origin. The value of a secret one contains references
/// (config/project/secret_reference.hpp), never what they refer to: no plan contains that. One of a
/// file of variables has `value_of_env_file` for its value.
struct EnvironmentVariable {
  std::string name;
  std::string value;
  VariableOrigin origin;

  bool is_secret() const { return origin.kind == VariableOrigin::Kind::secret; }

  bool is_from_env_file() const { return origin.kind == VariableOrigin::Kind::env_file; }

  /// Its value is not in the plan.
  bool is_hidden() const { return is_secret() || is_from_env_file(); }

  bool operator==(const EnvironmentVariable&) const = default;
};

/// Stands for a value that is read when the job starts.
inline constexpr const char* value_of_env_file = "(from env_file)";

/// An entry of depends-on, resolved.
struct Input {
  std::string workflow;
  std::optional<std::size_t> producer;   ///< index of the workflow of this run that makes it
  std::string tag;                       ///< else: the tag; empty in a restart, of what was done,
  std::string run;                       ///< the run that has it,
  std::vector<job::Artifact> artifacts;  ///< and what that run saved
  /// Where in each artifact's folder it is found, where those of several combinations are gathered:
  /// `lr=0.1/seed=2`.
  std::string folder = {};

  bool operator==(const Input& other) const;
};

struct PlannedWorkflow {
  std::string name;                ///< sweep::name_of() the workflow and its combination
  sweep::Combination combination;  ///< empty where it is not swept
  std::string provider;
  std::string provider_version;
  std::string provider_path;                   ///< the library
  std::vector<Input> inputs;                   ///< in the order of depends-on
  std::vector<job::InputFile> input_files;     ///< in the order of the property `inputs`
  std::vector<job::EnvFile> env_files;         ///< in the order of the property `env_file`
  std::vector<EnvironmentVariable> variables;  ///< by their own names; origin as above
  std::vector<std::string> secrets;            ///< that its properties refer to, sorted
  Json properties;                             ///< as the provider got them
  std::vector<std::string> secret_properties;  ///< those that its manifest calls secret

  bool operator==(const PlannedWorkflow&) const = default;
};

struct PlannedJob {
  std::size_t workflow = 0;
  job::JobSpec spec;
  /// Everything above the base, already merged: one entry a name. The reserved names are filled in
  /// when the run begins (run/supervisor/job_environment.hpp).
  std::vector<EnvironmentVariable> environment;
  /// Chosen for JobSpec::python; without a program when it is fetched for the run.
  std::optional<python::Interpreter> python;
  std::vector<std::string> notices;  ///< "this job sees no GPU; ask with `gpu: 1`"

  bool operator==(const PlannedJob&) const = default;
};

struct Plan {
  std::string project;   ///< real path of the project's folder
  std::string place;     ///< of that folder in its code, from the code's root; mostly empty
  job::GitFacts git;     ///< of the code that was planned
  std::string target;    ///< the workflow or provider that was named
  std::string run_name;  ///< empty in a plan that is only shown
  std::vector<std::string> arguments;
  std::vector<EnvironmentVariable> base;  ///< the base environment, the same for each job
  std::vector<PlannedWorkflow>
      workflows;                 ///< every workflow after those it depends on; the target last
  std::vector<PlannedJob> jobs;  ///< in the order of their workflows
  std::vector<std::string> notices;

  bool operator==(const Plan&) const = default;
};

/// As a list of name, value and origin.
void to_json(Json& json, const EnvironmentVariable& variable);
void from_json(const Json& json, EnvironmentVariable& variable);
void to_json(Json& json, const Input& input);
void from_json(const Json& json, Input& input);
void to_json(Json& json, const PlannedWorkflow& workflow);
void from_json(const Json& json, PlannedWorkflow& workflow);
void to_json(Json& json, const PlannedJob& job);
void from_json(const Json& json, PlannedJob& job);
void to_json(Json& json, const Plan& plan);
/// Refuses one whose workflows are in the wrong order.
void from_json(const Json& json, Plan& plan);

/// What a job runs: its image, its preparation, its commands; a line each, for people.
std::vector<std::string> lines_run_by(const job::JobSpec& job);
/// The plan as text for people: jobs in order, commands, inputs, artifacts, and the whole
/// environment with origins. The same plan gives the same text.
std::string explain(const Plan& plan);
/// Takes the next piece of a text.
using WriteText = std::function<void(std::string_view piece)>;
/// The same piece by piece, with how this machine enforces the limits of jobs: of ten thousand jobs
/// the text has many times the size of the plan.
void explain(const Plan& plan,
             const resources::EnforcementMethods& enforcement,
             const WriteText& write);

/// The job whose host and ports this one is given: JobSpec::master as an index into the plan.
std::optional<std::size_t> master_of(const Plan& plan, std::size_t job);

/// For each workflow, the indices of the workflows that wait for it.
std::vector<std::vector<std::size_t>> dependents(const Plan& plan);

}  // namespace dstack::plan

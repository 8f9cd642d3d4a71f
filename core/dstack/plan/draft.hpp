// A workflow that is being planned, and the steps of planning. Each step goes over all drafts and
// adds to the errors; a later step skips what an earlier one could not do, so that each mistake is
// reported once.
#pragma once

#include "dstack/base/path.hpp"
#include "dstack/job/input_file.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/plan/make.hpp"
#include "dstack/plan/variables.hpp"
#include "dstack/provider/manifest/properties.hpp"
#include "dstack/sweep/address.hpp"
#include "dstack/sweep/combination.hpp"

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace dstack::plan {

enum class Role { dependency, target };

/// A variable of an `env_file`; its value is not kept.
struct EnvFileVariable {
  std::string name;
  std::string place;  ///< `FILE:LINE`
};

struct Draft {
  const config::Workflow* workflow = nullptr;
  std::string project;  ///< the root, absolute; for ${{ run.project }}
  Role role = Role::dependency;
  sweep::Combination combination;  ///< what it is run with; empty where it is not swept
  /// The keys of all combinations of the workflow; null where it is not swept.
  std::shared_ptr<const std::vector<std::string>> swept_keys;
  const provider::Candidate* provider = nullptr;  ///< a usable one; null: reported
  std::vector<ResolvedVariable> variables;
  std::optional<config::Value> changed_properties;  ///< after interpolation and options
  bool uses_run_arguments = false;
  std::vector<config::SecretReference> secrets;  ///< that its properties refer to
  std::vector<config::WholeArgument> whole_arguments;
  std::vector<config::EnvironmentReference> environment_references;
  /// Values with a reference to what there is not, which is reported; the rest is checked.
  std::vector<SourceLocation> incomplete;
  bool ready = false;    ///< its properties are valid: `checked` is set
  bool planned = false;  ///< its provider has made `jobs`
  provider::CheckedProperties checked;
  std::vector<job::JobSpec> jobs;
  std::vector<std::optional<python::Interpreter>> pythons;  ///< by job
  std::vector<Input> inputs;
  bool inputs_known = true;                         ///< false: a dependency or tag does not exist
  std::vector<job::InputFile> input_files;          ///< in the order of the property `inputs`
  std::vector<job::EnvFile> env_files;              ///< in the order of the property `env_file`
  std::vector<EnvFileVariable> env_file_variables;  ///< of all of them; the later wins

  const provider::Manifest& manifest() const { return *provider->manifest; }

  /// Of the workflow in its run: with its combination, where it has one.
  std::string name() const { return sweep::name_of(workflow->name, combination); }

  const config::Value& properties() const {
    return changed_properties ? *changed_properties : workflow->properties;
  }

  /// For changing them: a copy of what the file says, made once.
  config::Value& own_properties() {
    if (!changed_properties)
      changed_properties = workflow->properties;
    return *changed_properties;
  }
};

struct Drafts {
  std::vector<Draft> all;  ///< every one after those it depends on
  /// By the workflow's name: several, where it is swept.
  std::unordered_map<std::string_view, std::vector<std::size_t>> of_workflow;
  std::string project = {};  ///< of each draft that is added

  void add(const config::Workflow& workflow, Role role);
  void add(Draft draft);
};

/// What is said of several combinations of a workflow in the same words is said once.
void drop_repeated(const Drafts& drafts,
                   std::vector<Error>& errors,
                   std::vector<std::string>& notices);

/// Finds each workflow's provider.
void choose_providers(Drafts& drafts,
                      const provider::Registry& providers,
                      std::vector<Error>& errors);

/// Replaces `${{ … }}` in one draft's properties. False: they contain unknown names, which are
/// reported, and nothing is in their place.
bool interpolate_properties(Draft& draft,
                            const provider::CallerEnvironment& caller,
                            const std::string& run_name,
                            const std::vector<std::string>& run_arguments,
                            std::vector<Error>& errors);

/// For `${{ env.NAME }}` where no run is to begin: one that is not set is empty, so that the answer
/// is the same on every machine.
provider::CallerEnvironment with_all_set(const provider::CallerEnvironment& caller);

/// Variables in the text of arguments whose values look like several.
void note_whole_arguments(const Draft& draft, std::vector<std::string>& notices);
/// Commands whose lines YAML has joined.
void note_joined_lines(const Draft& draft, std::vector<std::string>& notices);
/// Variables that the command line sets, and that no workflow of the run they are set for uses:
/// neither a reference nor the name of the environment variable is in its properties, nor in a file
/// of the project that these name.
void note_unused_variables(const Drafts& drafts,
                           const std::vector<VariableOverride>& overrides,
                           const config::Project& project,
                           const source::Snapshot& code,
                           std::vector<std::string>& notices);

/// Of incomplete values nothing is reported here; the draft is ready only without any.
void check_properties(Draft& draft, const PlanningContext& context, std::vector<Error>& errors);

/// Which tags are looked up, and what a missing one means.
enum class Tags {
  needed,   ///< a missing one is an error
  optional  ///< it may be set later, and then has what its workflow saves
};

void resolve_inputs(Drafts& drafts,
                    const PlanningContext& context,
                    Tags tags,
                    std::vector<Error>& errors);

/// What a run on this machine needs: `inputs` and files of `env_file`. `validate` gives the same
/// answer everywhere.
enum class OnThisMachine {
  needed,   ///< a missing one is an error
  optional  ///< it may be missing; what is there is checked
};

/// Finds each workflow's `inputs`, by PlanningContext::inspect_input, and reports those that are
/// not there, or whose places in the workspace conflict with one another. After make_jobs(): also
/// with artifacts.
void resolve_input_files(Drafts& drafts,
                         const PlanningContext& context,
                         OnThisMachine presence,
                         std::vector<Error>& errors);

/// Reads each workflow's `env_file`, by PlanningContext::read_env_file: names and digests.
void read_env_files(Drafts& drafts,
                    const PlanningContext& context,
                    OnThisMachine presence,
                    std::vector<Error>& errors,
                    std::vector<std::string>& notices);

/// One batch for each provider; then what the host adds to each job.
void make_jobs(Drafts& drafts, const PlanningContext& context, std::vector<Error>& errors);

/// A path that is not there as it is written, but is from the working directory or from the root of
/// the code, is replaced by that: before the providers see it.
void resolve_paths(Drafts& drafts,
                   const config::Project& project,
                   const source::Snapshot& code,
                   std::vector<std::string>& notices);

/// Every property of type path names a file of the code or below an input. Working directories that
/// do not exist are a notice: the job starts in an empty folder.
void check_paths(const Drafts& drafts,
                 const config::Project& project,
                 const source::Snapshot& code,
                 std::vector<Error>& errors,
                 std::vector<std::string>& notices);

/// A hint with the files that may have been meant: of the same name elsewhere, else with a name
/// like it; empty: there are none.
std::string similar_files(const std::string& path, const source::Snapshot& code);

/// For requirements that are not there: a file beside them that has some, and how to use it; empty:
/// there is none.
std::string other_requirements(const std::string& path, const source::Snapshot& code);

/// Every secret that is referred to, or named, exists.
void check_secrets(const Drafts& drafts,
                   const PlanningContext& context,
                   std::vector<Error>& errors);
/// A provider keeps references to secrets only where their values are not visible.
void check_shown_secrets(const Draft& draft, std::vector<Error>& errors);
/// Whether a text contains a reference that is in the draft's files.
bool refers_to_secret(const Draft& draft, const std::string& text);
/// The secrets that its properties refer to, each once, sorted.
std::vector<std::string> secrets_of(const Draft& draft);

/// The names of the secrets that the jobs of a draft get: those of the context that are not
/// withheld, or that the project, the workflow or its properties name.
std::vector<std::string> given_secrets(const Draft& draft, const PlanningContext& context);
/// The withheld secrets that a workflow of the run does not get, and how it would.
void note_withheld_secrets(const Drafts& drafts,
                           const PlanningContext& context,
                           std::vector<std::string>& notices);

/// The interpreter of each job that asks for one. Jobs with the same request share the answer.
void choose_pythons(Drafts& drafts,
                    const PlanningContext& context,
                    std::vector<Error>& errors,
                    std::vector<std::string>& notices);

/// A pyproject.toml, uv.lock or environment.yaml that cannot be installed here.
void check_requirement_files(const Drafts& drafts,
                             const PlanningContext& context,
                             std::vector<Error>& errors);

void check_resources(const Drafts& drafts, const Machine& machine, std::vector<Error>& errors);

/// The environment of each job of a draft, above the base. `secrets`: given_secrets(). The value of
/// a variable whose origin is `secret` contains references.
std::vector<EnvironmentVariable> job_environment(
    const Draft& draft,
    const job::JobSpec& job,
    const std::vector<std::string>& secrets,
    const std::vector<EnvironmentVariable>& command_line);
/// Reserved names that a provider sets; those of the files are checked with the properties. And
/// variables of the caller that mean nothing in a container.
void check_environment(const Draft& draft, std::vector<Error>& errors);
/// Entries of the property `environment` that only a shell would expand: `$PATH`, `~/data`; and
/// what to write instead.
void note_unexpanded_environment(const Draft& draft,
                                 const PlanningContext& context,
                                 std::vector<std::string>& notices);
/// Files of secrets that an application of the workflow would read, and that no job gets.
void note_left_out_secrets(const Draft& draft,
                           const config::Project& project,
                           const source::Snapshot& code,
                           std::vector<std::string>& notices);
/// Entries of the property `environment` with nothing behind their name.
void note_valueless_environment(const Draft& draft, std::vector<std::string>& notices);
/// Names alone in the property `environment` that are not set for the caller, nor by anything else
/// in `environment`, that of its jobs.
void note_unset_environment(const Draft& draft,
                            const std::vector<EnvironmentVariable>& environment,
                            std::vector<std::string>& notices);
/// Entries of the property `environment` that a secret hides.
void note_hidden_environment(const Draft& draft,
                             const std::vector<std::string>& secrets,
                             std::vector<std::string>& notices);

/// Where a property was given ("file", "requirements.0", "resources.gpu.count"), else where its
/// parent was, else the workflow's entry.
SourceLocation place_of(const Draft& draft, const std::string& property);

}  // namespace dstack::plan

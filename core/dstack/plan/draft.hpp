// A workflow on its way into a plan, and the steps that it takes. Each step goes over all drafts
// and adds what is wrong to the errors; a later one passes over what an earlier one could not do,
// so that one mistake is told once.
#pragma once

#include "dstack/job/job_spec.hpp"
#include "dstack/plan/make.hpp"
#include "dstack/plan/variables.hpp"
#include "dstack/provider/manifest/properties.hpp"

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace dstack::plan {

enum class Role { dependency, target };

struct Draft {
  const config::Workflow* workflow = nullptr;
  Role role = Role::dependency;
  const provider::Candidate* provider = nullptr;  ///< one that can be used; null: reported
  std::vector<ResolvedVariable> variables;
  std::optional<config::Value> changed_properties;  ///< after interpolation and options
  bool uses_run_arguments = false;
  std::vector<config::SecretReference> secrets;  ///< that its properties refer to
  bool ready = false;                            ///< its properties are right: `checked` holds
  bool planned = false;                          ///< its provider has made `jobs`
  provider::CheckedProperties checked;
  std::vector<job::JobSpec> jobs;
  std::vector<std::optional<python::Interpreter>> pythons;  ///< by job
  std::vector<Input> inputs;
  bool inputs_known = true;  ///< false: a dependency or tag is not there

  const provider::Manifest& manifest() const { return *provider->manifest; }

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
  std::unordered_map<std::string_view, std::size_t> by_name;

  void add(const config::Workflow& workflow, Role role);
};

/// Finds each workflow's provider.
void choose_providers(Drafts& drafts,
                      const provider::Registry& providers,
                      std::vector<Error>& errors);

/// Replaces `${{ … }}` in one draft's properties. False: they hold unknown names, which are
/// reported.
bool interpolate_properties(Draft& draft,
                            const std::string& run_name,
                            const std::vector<std::string>& run_arguments,
                            std::vector<Error>& errors);

void check_properties(Draft& draft,
                      const provider::CallerEnvironment& caller,
                      std::vector<Error>& errors);

/// Which tags are looked up, and what a missing one means.
enum class Tags {
  needed,   ///< a missing one is an error
  optional  ///< it may be set later, and then holds what its workflow saves
};

void resolve_inputs(Drafts& drafts,
                    const PlanningContext& context,
                    Tags tags,
                    std::vector<Error>& errors);

/// One batch for each provider; then what the host adds to each job.
void make_jobs(Drafts& drafts, const PlanningContext& context, std::vector<Error>& errors);

/// Every property of type path names a file of the code or below an input. Working directories that
/// do not exist are a notice: the job starts in an empty folder.
void check_paths(const Drafts& drafts,
                 const Path& project,
                 const source::Snapshot& code,
                 std::vector<Error>& errors,
                 std::vector<std::string>& notices);

/// Every secret that is referred to is there.
void check_secrets(const Drafts& drafts,
                   const PlanningContext& context,
                   std::vector<Error>& errors);
/// What a provider made of a reference to a secret stands where the value can be filled in unseen.
void check_shown_secrets(const Draft& draft, std::vector<Error>& errors);
/// Whether a text holds a reference that the draft's files have.
bool refers_to_secret(const Draft& draft, const std::string& text);
/// The secrets that its properties refer to, each once, sorted.
std::vector<std::string> secrets_of(const Draft& draft);

/// The interpreter of each job that wants one. Jobs with the same wish share the answer.
void choose_pythons(Drafts& drafts,
                    const PlanningContext& context,
                    std::vector<Error>& errors,
                    std::vector<std::string>& notices);

void check_resources(const Drafts& drafts, const Machine& machine, std::vector<Error>& errors);

/// The environment of each job of a draft, above the base. `secrets`: PlanningContext::secrets. The
/// value of a variable whose origin is `secret` holds references.
std::vector<EnvironmentVariable> job_environment(
    const Draft& draft,
    const job::JobSpec& job,
    const std::vector<std::string>& secrets,
    const std::vector<EnvironmentVariable>& command_line);
/// Reserved names that a provider sets; those of the files are checked with the properties.
void check_environment(const Draft& draft, std::vector<Error>& errors);
/// Entries of the property `environment` that jobs have not, but a secret.
void note_hidden_environment(const Draft& draft,
                             const std::vector<std::string>& secrets,
                             std::vector<std::string>& notices);

/// Where a property was given ("file", "requirements.0", "resources.gpu.count"), else where what
/// holds it was, else the workflow's entry.
SourceLocation place_of(const Draft& draft, const std::string& property);
/// `path` as seen from `folder`, from the project's root; nothing when it is absolute or leaves the
/// project.
std::optional<std::string> resolve_path(const std::string& folder, std::string_view path);

}  // namespace dstack::plan

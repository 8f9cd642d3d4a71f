// Making a plan (spec, sections 3 to 6 and 8). Reads; never writes.
#pragma once

#include "dstack/config/project/project.hpp"
#include "dstack/config/settings/settings.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/plan/plan.hpp"
#include "dstack/provider/discovery/registry.hpp"
#include "dstack/provider/host/calls.hpp"
#include "dstack/resources/machine.hpp"
#include "dstack/source/input.hpp"
#include "dstack/source/snapshot.hpp"
#include "dstack/sweep/combinations.hpp"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace dstack::plan {

using resources::Machine;

/// `--sweep` or `--zip`.
struct SweepArgument {
  bool zip = false;
  std::string text;                              ///< `lr=0.1,0.01`, or `@trials.csv`
  std::shared_ptr<const SourceText> table = {};  ///< of `@trials.csv`
};

struct Request {
  std::string target;  ///< a workflow's name wins over a provider's, and that over a script's
  std::vector<std::string>
      target_arguments;  ///< after it, before `--`: options and, for a provider, positionals
  std::vector<std::string> arguments;  ///< after `--`
  std::string run_name;                ///< for ${{ run.name }}; empty when the plan is only shown
  std::string place = {};  ///< paths of the command line begin here: from the root, "" is the root
  /// How many of target_arguments were before the target, each `--option=value`: options alone,
  /// even where a variable has the name.
  std::size_t leading = 0;
  std::vector<SweepArgument> sweeps = {};
  sweep::Sampling sampling = {};
};

/// What making a plan needs from outside, so that it can be tested without any of it.
struct PlanningContext {
  const config::Project& project;
  const provider::Registry& providers;
  const Machine& machine;
  const source::Snapshot& code;
  /// The caller's environment.
  std::function<std::optional<std::string>(const std::string& name)> environment;
  std::function<std::vector<std::pair<std::string, std::string>>()> whole_environment;
  /// The artifacts of a tag; not_found when there is no such tag.
  std::function<Result<std::pair<std::string, std::vector<job::Artifact>>>(
      const std::string& workflow, const std::string& tag)>
      resolve_tag;
  /// The tags that a workflow has, for messages.
  std::function<std::vector<std::string>(const std::string& workflow)> tags_of;
  /// Asks a provider for the jobs of its workflows: provider::plan_jobs, or a fake of a test.
  std::function<Result<std::vector<provider::PlanReply>>(
      const provider::Candidate& provider, const std::vector<provider::PlanRequest>& requests)>
      call_provider;
  /// The names of the secrets that the jobs of the project have; where two become one variable, the
  /// later wins.
  std::vector<std::string> secrets = {};
  /// The interpreter for a job's request. If not set, none is chosen.
  std::function<Result<python::Choice>(const python::VersionRequest& request)> choose_python = {};
  /// What is at the path of an input, on disk. If not set, no input is looked for.
  std::function<Result<source::InputFacts>(const Path& path, source::InputUse use)> inspect_input =
      {};
  /// The text of a file of variables; not_found when there is none. If not set, none is read.
  std::function<Result<std::string>(const Path& path)> read_env_file = {};
  /// Those of `secrets` that are the user's for all projects, where this one has not run before:
  /// jobs get one only where the project or their workflow names it.
  std::vector<std::string> withheld_secrets = {};
  /// What `config.yaml` keeps every local job from.
  std::optional<job::Sandbox> sandbox = {};
};

/// Everything that keeps the run from starting is reported together: unknown names, properties,
/// options, tags, files, resources.
Result<Plan> make_plan(const Request& request, const PlanningContext& context);

/// Checks every workflow of the project as a run of it would (`dstack validate`), reporting all
/// errors of all. What depends on the time and the machine is not checked: tags that do not exist
/// yet, resources, and versions of Python. Files are looked for only where `context.code` lists
/// any. Returns warnings.
Result<std::vector<std::string>> validate(const PlanningContext& context);

/// The normal paths, from the project's root, that any workflow declares as artifacts: they are
/// not part of the code.
std::vector<std::string> declared_artifacts(const config::Project& project,
                                            const provider::Registry& providers);

/// One option or variable that `dstack run TARGET` takes, for `--help` after the target's name.
struct OptionHelp {
  std::string syntax;  ///< "-r, --requirements FILE", "--epochs VALUE"
  std::string help;
  std::string default_value;
  std::vector<std::string> names = {};  ///< "-r", "--requirements"; none: a positional argument
  /// What its value is; a boolean option takes none.
  provider::PropertyType type = provider::PropertyType::text;
  std::vector<std::string> choices = {};  ///< the only values; empty: any
};

struct TargetHelp {
  std::string target;
  std::string provider;
  std::string help;
  std::vector<OptionHelp> variables;
  std::vector<OptionHelp> options;
  std::vector<std::string> examples;
  /// Long options of the command itself that are also variables of the run: after the target's name
  /// they are refused.
  std::vector<std::string> ambiguous;
};

/// `own_options`: all names of the command's own options ("-t", "--tag"). A variable of such a name
/// is set with its workflow's name before it.
Result<TargetHelp> describe_target(const std::string& target,
                                   const config::Project& project,
                                   const provider::Registry& providers,
                                   const std::vector<std::string>& own_options);

/// A long option of `dstack run` itself that was given after the target's name.
struct OwnOption {
  std::string name;   ///< "--tag"
  std::string value;  ///< the word after it; empty: none, or another option
  bool takes_value = false;
};

/// Refuses an option that is also a variable of the run: either could be meant.
Result<void> refuse_ambiguous(const std::string& target,
                              const std::vector<OwnOption>& options,
                              const config::Project& project);

}  // namespace dstack::plan

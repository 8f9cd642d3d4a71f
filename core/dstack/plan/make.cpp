#include "dstack/plan/make.hpp"

#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/plan/argument_parser.hpp"
#include "dstack/plan/draft.hpp"
#include "dstack/plan/environment.hpp"
#include "dstack/plan/graph.hpp"
#include "dstack/plan/sandboxes.hpp"
#include "dstack/plan/script.hpp"
#include "dstack/plan/sweeps.hpp"
#include "dstack/plan/target.hpp"

#include <set>

namespace dstack::plan {

namespace {

/// Makes one plan, step by step. Every step adds to `errors_`; there is a plan if none is left at
/// the end.
class Maker {
 public:
  Maker(const Request& request, const PlanningContext& context)
      : request_(request), context_(context), line_(request) {}

  Result<Plan> make() {
    DSTACK_TRY(
        const Target target,
        find_target(
            request_.target, WorkflowIndex(context_.project), context_.providers, line_.target())
            .map_error([this](Error error) { return with_findings(std::move(error)); }));
    if (!target.script_provider.empty()) {
      DSTACK_TRY(script_, find_script(request_, context_.project, context_.code, line_.target()));
    }
    settle_workflows(target);
    notice_refused_providers();
    notice_other_endings();
    prepare_properties();
    check_secrets(drafts_, context_, errors_);
    resolve_inputs(drafts_, context_, Tags::needed, errors_);
    resolve_paths(drafts_, context_.project, context_.code, notices_);
    make_jobs(drafts_, context_, errors_);
    resolve_input_files(drafts_, context_, OnThisMachine::needed, errors_);
    read_env_files(drafts_, context_, OnThisMachine::needed, errors_, notices_);
    check_paths(drafts_, context_.project, context_.code, errors_, notices_);
    choose_pythons(drafts_, context_, errors_, notices_);
    check_requirement_files(drafts_, context_, errors_);
    check_resources(drafts_, context_.machine, errors_);
    settle_sandboxes(drafts_, context_.sandbox, errors_);
    note_unused_variables(drafts_, parsed_.variables, context_.project, context_.code, notices_);
    for (const Draft& draft : drafts_.all) {
      check_environment(draft, errors_);
      note_hidden_environment(draft, given_secrets(draft, context_), notices_);
      note_unexpanded_environment(draft, context_, notices_);
      note_left_out_secrets(draft, context_.project, context_.code, notices_);
      note_valueless_environment(draft, notices_);
    }
    note_withheld_secrets(drafts_, context_, notices_);
    for (const Draft& draft : drafts_.all)
      check_shown_secrets(draft, errors_);
    drop_repeated(drafts_, errors_, notices_);
    if (!errors_.empty())
      return Failure(join(std::move(errors_)));
    return assemble();
  }

 private:
  /// What is wrong with the files may be why no workflow has the name.
  Error with_findings(Error error) const {
    std::vector<Error> errors;
    for (const config::Finding& finding : context_.project.findings)
      if (finding.workflow.empty() || !is_name(finding.workflow))
        errors.push_back(finding.error);
    errors.push_back(std::move(error));
    return join(std::move(errors));
  }

  Draft& target() { return drafts_.all.back(); }

  /// Finds the workflows of the run, and parses the command line. Values given there may point
  /// `depends-on` to other workflows, which have variables of their own: then all is done again,
  /// until nothing changes.
  void settle_workflows(const Target& target) {
    constexpr int most_rounds = 10;
    for (int round = 1;; ++round) {
      errors_.clear();
      notices_.clear();
      add_drafts(target);
      sort_findings();
      choose_providers(drafts_, context_.providers, errors_);
      sweeps_ = {};
      sweeps_.take_matrices(drafts_);
      const std::vector<VariableOverride> before = std::move(parsed_.variables);
      read_arguments(target);
      if (parsed_.variables == before || round == most_rounds || !change_dependencies())
        break;
    }
    for (Draft& draft : drafts_.all)
      for (Error& error : replace_references(draft.variables, request_.run_name))
        if (errors_.empty())  // else it is most likely a finding
          errors_.push_back(std::move(error));
    const bool chosen =
        sweeps_.expand(drafts_, {request_, line_, parsed_.variables}, errors_, notices_);
    if (errors_.empty() && request_.sampling.count && !chosen)
      errors_.push_back(
          make_error(ErrorCode::usage, "'--samples' has no interval to choose values of")
              .with_hint("write '--sweep lr=log:1e-4..1e-1', for example"));
  }

  /// False when no dependency refers to a variable.
  bool change_dependencies() {
    auto changed = config::with_other_values(
        context_.project,
        [this](std::string_view workflow, std::string_view name) -> std::optional<std::string> {
          const VariableOverride* override = find_override(parsed_.variables, workflow, name);
          return override == nullptr ? std::nullopt : std::optional(override->value);
        });
    if (!changed)
      return false;
    changed_project_ = std::move(*changed);
    return true;
  }

  const config::Project& project() const {
    return changed_project_ ? *changed_project_ : context_.project;
  }

  void add_drafts(const Target& target) {
    drafts_ = {};
    drafts_.project = context_.project.folder.string();
    if (target.workflow) {
      const WorkflowIndex index(project());
      const std::vector<std::size_t> order = run_order(index, *target.workflow);
      drafts_.all.reserve(order.size());
      for (const std::size_t workflow : order)
        drafts_.add(project().workflows[workflow],
                    workflow == *target.workflow ? Role::target : Role::dependency);
      for (Draft& draft : drafts_.all)
        draft.variables = variables_of(context_.project.variables, draft.workflow->name);
    } else {
      provider_run_ = script_ ? script_workflow(*script_, line_.target())
                              : provider_workflow(request_.target, line_.target());
      drafts_.add(provider_run_, Role::target);
      drafts_.all.back().variables = variables_of(context_.project.variables, {});
    }
  }

  /// Findings that concern this run are errors; the others are one line.
  void sort_findings() {
    bool elsewhere = false;
    for (const config::Finding& finding : project().findings) {
      const bool concerns_run =
          finding.workflow.empty() ||
          (drafts_.of_workflow.contains(finding.workflow) && target().workflow != &provider_run_);
      if (concerns_run)
        errors_.push_back(finding.error);
      else
        elsewhere = true;
    }
    if (elsewhere)
      notices_.emplace_back("other workflows have errors; 'dstack validate' shows them");
  }

  /// A provider that was meant to be used is refused, and another one takes its place.
  void notice_refused_providers() {
    std::set<const provider::Candidate*> reported;
    for (const Draft& draft : drafts_.all) {
      if (draft.provider == nullptr || !reported.insert(draft.provider).second)
        continue;
      if (const auto* refused = context_.providers.refused_before(*draft.provider))
        notices_.push_back(fmt::format("provider '{}' is taken from {}, because {} was refused: {}",
                                       refused->name,
                                       draft.provider->path.string(),
                                       refused->path.string(),
                                       refused->reason));
    }
  }

  /// Where somebody looks for a `.yaml` in vain, or adds one.
  void notice_other_endings() {
    std::set<std::string> names;
    const auto add = [&](const SourceLocation& where) {
      if (where.source && (where.source->name == ".dstack/workflows.yml" ||
                           where.source->name == ".dstack/variables.yml"))
        names.insert(where.source->name);
    };
    for (const config::Workflow& workflow : project().workflows)
      add(workflow.where);
    for (const auto& [scope, variables] : project().variables)
      for (const config::Variable& variable : variables)
        add(variable.where);
    if (!names.empty())
      notices_.push_back(
          fmt::format("the project is read from {}", quoted_list({names.begin(), names.end()})));
  }

  void read_arguments(const Target& kind) {
    Vocabulary vocabulary;
    vocabulary.kind = kind.workflow ? Vocabulary::Target::workflow
                      : script_     ? Vocabulary::Target::script
                                    : Vocabulary::Target::provider;
    vocabulary.target = request_.target;
    vocabulary.manifest = target().provider ? &target().manifest() : nullptr;
    vocabulary.project = &context_.project;
    const std::vector<std::string> secrets = given_secrets(target(), context_);
    vocabulary.secrets = &secrets;
    parsed_ = {};
    if (request_.target_arguments.empty())
      return;
    for (const Draft& draft : drafts_.all)
      vocabulary.run.push_back(
          {kind.workflow ? std::string_view(draft.workflow->name) : std::string_view(),
           &draft.variables});
    if (vocabulary.manifest != nullptr)
      options_ = options_of(*vocabulary.manifest);
    parsed_ = parse_arguments(request_, line_, vocabulary, options_, context_.environment, errors_);
    if (!parsed_.variables.empty())
      for (Draft& draft : drafts_.all)
        apply_overrides(draft.variables, draft.workflow->name, parsed_.variables);
  }

  void prepare_properties() {
    bool arguments_used = false;
    for (Draft& draft : drafts_.all) {
      if (draft.provider == nullptr)
        continue;
      const bool is_complete = interpolate_properties(
          draft, context_.environment, request_.run_name, request_.arguments, errors_);
      arguments_used = arguments_used || draft.uses_run_arguments;
      if (draft.role == Role::target)
        settle_target(draft, arguments_used);
      if (is_complete) {
        note_whole_arguments(draft, notices_);
        note_joined_lines(draft, notices_);
      }
      check_properties(draft, context_, errors_);
    }
  }

  /// Applies the command line to the named workflow's properties. After interpolation: arguments
  /// are taken literally.
  void settle_target(Draft& draft, bool arguments_used) {
    if (!parsed_.settings.empty())
      apply_settings(parsed_.settings, draft.manifest(), draft.own_properties());
    if (script_ && settle_script(draft) == ScriptArguments::taken)
      return;
    if (request_.arguments.empty() || draft.uses_run_arguments)
      return;
    if (append_arguments(
            request_.arguments, line_.argument(0), draft.manifest(), draft.own_properties()))
      return;
    if (arguments_used)
      return;
    const std::string hint =
        target().workflow == &provider_run_
            ? fmt::format("'dstack run {} --help' shows what it takes", request_.target)
            : std::string("a property of the workflow may use them as ${{ run.args }}");
    errors_.push_back(make_error(ErrorCode::usage,
                                 "provider '{}' takes no arguments after '--'",
                                 draft.provider->name)
                          .at(line_.argument(0))
                          .with_hint("{}", hint));
  }

  ScriptArguments settle_script(Draft& draft) {
    auto added = add_script(draft, *script_, request_.arguments, line_.target());
    if (added) {
      if (auto note = note_inline_dependencies(draft, context_.project.root, *script_);
          !note.empty())
        notices_.push_back(std::move(note));
      return *added;
    }
    errors_.push_back(std::move(added).error());
    return ScriptArguments::taken;  // one error is enough
  }

  Result<Plan> assemble() {
    Plan plan;
    plan.project = context_.project.folder.string();
    plan.place = context_.project.base;
    plan.git = context_.code.git;
    plan.target = request_.target;
    plan.run_name = request_.run_name;
    plan.arguments = request_.arguments;
    plan.base = base_environment(context_.whole_environment());
    plan.notices = std::move(notices_);
    plan.workflows.reserve(drafts_.all.size());
    std::size_t jobs = 0;
    for (const Draft& draft : drafts_.all)
      jobs += draft.jobs.size();
    plan.jobs.reserve(jobs);
    for (std::size_t i = 0; i < drafts_.all.size(); ++i) {
      Draft& draft = drafts_.all[i];
      if (!draft.planned || !draft.inputs_known)
        return fail(
            ErrorCode::internal, "workflow '{}' could not be planned", draft.workflow->name);
      for (const Input& input : draft.inputs)
        if (input.producer && *input.producer >= i)
          return fail(ErrorCode::internal,
                      "workflow '{}' is part of a dependency cycle",
                      draft.workflow->name);
      add_jobs(draft, i, plan);
      plan.workflows.push_back(planned(draft));
    }
    return plan;
  }

  void add_jobs(Draft& draft, std::size_t workflow, Plan& plan) const {
    const std::vector<std::string> secrets = given_secrets(draft, context_);
    for (std::size_t i = 0; i < draft.jobs.size(); ++i) {
      job::JobSpec& spec = draft.jobs[i];
      PlannedJob job;
      job.workflow = workflow;
      if (i < draft.pythons.size())
        job.python = std::move(draft.pythons[i]);
      job.environment = job_environment(draft, spec, secrets, parsed_.environment);
      if (i == 0)
        note_unset_environment(draft, job.environment, plan.notices);
      if (sees_no_gpu(draft, spec))
        job.notices.emplace_back("this job sees no GPU; ask with `gpu: 1`");
      job.spec = std::move(spec);
      plan.jobs.push_back(std::move(job));
    }
  }

  /// Not for a workflow that has `gpu: 0`.
  bool sees_no_gpu(const Draft& draft, const job::JobSpec& job) const {
    if (context_.machine.gpus.empty() || job.resources.gpu > 0 ||
        property_of_type(draft.manifest(), provider::PropertyType::resources) == nullptr)
      return false;
    return json_member(provider::resources_of(draft.checked), "gpu") == nullptr;
  }

  static PlannedWorkflow planned(Draft& draft) {
    PlannedWorkflow workflow;
    workflow.name = draft.name();
    workflow.combination = draft.combination;
    workflow.provider = draft.provider->name;
    workflow.provider_version = draft.manifest().version;
    workflow.provider_path = draft.provider->path.string();
    workflow.inputs = std::move(draft.inputs);
    workflow.input_files = std::move(draft.input_files);
    workflow.env_files = std::move(draft.env_files);
    workflow.secrets = secrets_of(draft);
    workflow.variables = planned_variables(draft.variables);
    workflow.properties = std::move(draft.checked.values);
    for (const provider::Property& property : draft.manifest().properties)
      if (property.secret && workflow.properties.contains(property.name))
        workflow.secret_properties.push_back(property.name);
    return workflow;
  }

  const Request& request_;
  const PlanningContext& context_;
  CommandLine line_;
  std::optional<config::Project> changed_project_;  ///< with the values of the command line
  config::Workflow provider_run_;      ///< stands for the workflow of `run PROVIDER`, `run FILE`
  std::optional<std::string> script_;  ///< of `run FILE`: its path from the project's root
  Drafts drafts_;
  Sweeps sweeps_;
  std::vector<Option> options_;
  ParsedArguments parsed_;
  std::vector<Error> errors_;
  std::vector<std::string> notices_;
};

}  // namespace

Result<Plan> make_plan(const Request& request, const PlanningContext& context) {
  return Maker(request, context).make();
}

}  // namespace dstack::plan

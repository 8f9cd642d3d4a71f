#include "dstack/run/client/submit.hpp"

#include "dstack/base/environment_variable.hpp"
#include "dstack/base/log.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/provider/host/calls.hpp"
#include "dstack/python/python.hpp"
#include "dstack/run/client/little_space.hpp"
#include "dstack/run/client/project_secrets.hpp"
#include "dstack/run/client/recording.hpp"
#include "dstack/run/client/submit_data.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "dstack/source/snapshot.hpp"
#include "dstack/sweep/address.hpp"

#include <algorithm>

#include <unistd.h>

extern char** environ;

namespace dstack::run {

namespace {

std::vector<std::pair<std::string, std::string>> caller_environment() {
  std::vector<std::pair<std::string, std::string>> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos)
      all.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return all;
}

plan::PlanningContext context(const Workbench& bench,
                              const source::Snapshot& code,
                              store::Records& records,
                              std::vector<std::string> secrets) {
  const std::string project = bench.project.folder.string();
  return plan::PlanningContext{
      bench.project,
      bench.providers,
      bench.machine,
      code,
      environment_variable,
      caller_environment,
      [&records, project](const std::string& workflow, const std::string& tag)
          -> Result<std::pair<std::string, std::vector<job::Artifact>>> {
        DSTACK_TRY(const auto found, records.find_tag(project, workflow, tag));
        if (!found)
          return fail(ErrorCode::not_found, "there is no tag '{}' of workflow '{}'", tag, workflow);
        DSTACK_TRY(const auto run, records.find_run(found->run));
        if (!run)
          return fail(ErrorCode::internal, "tag '{}' names a run that has no record", tag);
        DSTACK_TRY(auto all, records.artifacts(run->id));
        std::erase_if(all, [&](const job::Artifact& artifact) {
          return sweep::workflow_of(artifact.workflow) != workflow ||
                 (!found->combination.empty() &&
                  sweep::combination_of(artifact.workflow) != found->combination);
        });
        // What one combination saved stands where any workflow's would.
        if (!found->combination.empty())
          for (job::Artifact& artifact : all)
            artifact.workflow = workflow;
        return std::pair{found->run, std::move(all)};
      },
      [&records, project](const std::string& workflow) {
        std::vector<std::string> names;
        if (const auto tags = records.tags(project))
          for (const store::Tag& tag : *tags)
            if (tag.workflow == workflow)
              names.push_back(tag.tag);
        return names;
      },
      [](const provider::Candidate& candidate, const std::vector<provider::PlanRequest>& requests) {
        return provider::plan_jobs(candidate, requests);
      },
      std::move(secrets),
      {},
      {},
      {},
      {},
      bench.settings.sandbox};
}

/// For a plan that is to be shown or run: validating does not look for interpreters.
plan::PlanningContext context_with_pythons(const Workbench& bench,
                                           const source::Snapshot& code,
                                           store::Records& records,
                                           const ProjectSecrets& secrets,
                                           EnvTexts& texts,
                                           python::Effects effects) {
  plan::PlanningContext made = context(bench, code, records, secrets.names);
  made.withheld_secrets = secrets.withheld;
  add_data_sources(made, bench.home, texts);
  made.choose_python = [&bench, effects](const python::VersionRequest& request) {
    return python::choose_interpreter(
        request, environment_variable, bench.home, effects, bench.project.root);
  };
  return made;
}

source::SnapshotOptions snapshot_options(const Workbench& bench, source::LargeFolder large_folder) {
  source::SnapshotOptions options;
  options.large_folder = large_folder;
  options.artifacts = plan::declared_artifacts(bench.project, bench.providers);
  options.file_limit = bench.settings.snapshot_file_limit;
  return options;
}

plan::Request plan_request(const Workbench& bench,
                           const SubmitRequest& request,
                           std::string run_name) {
  return {request.target,
          request.target_arguments,
          request.arguments,
          std::move(run_name),
          bench.place,
          request.leading,
          request.sweeps,
          request.sampling};
}

Result<source::Snapshot> capture(store::ObjectStore& objects,
                                 source::Listing&& listing,
                                 const SubmitRequest& request) {
  if (request.before_capture)
    request.before_capture(listing.code().amount);
  return std::move(listing).capture(objects);
}

/// Where `root: ..` is above the repository that the project is in, Git is asked at `root`.
std::string note_on_repository(const config::Project& project) {
  boost::system::error_code error;
  for (Path folder = project.folder; folder != project.root; folder = folder.parent_path()) {
    if (!fs::exists(folder / ".git", error))
      continue;
    return fmt::format(
        "'root' makes '{}' the root of the code, which is {}: commit and changes of the repository "
        "'{}' are not recorded",
        printable(project.root.string()),
        fs::exists(project.root / ".git", error) ? "another repository" : "not in that repository",
        printable(folder.string()));
  }
  return {};
}

/// What only the plan, or the project, can say of the code.
void add_messages(source::Snapshot& code, const config::Project& project, const plan::Plan& plan) {
  std::vector<std::string> covered;
  for (const plan::PlannedWorkflow& workflow : plan.workflows)
    for (const job::InputFile& input : workflow.input_files)
      covered.push_back(input.at);
  const auto links = source::describe_outside_links(code.outside_links, covered);
  code.warnings.insert(code.warnings.end(), links.warnings.begin(), links.warnings.end());
  code.notes.insert(code.notes.end(), links.notes.begin(), links.notes.end());
  if (std::string note = note_on_repository(project); !note.empty())
    code.notes.push_back(std::move(note));
}

/// What a warning says once is said once, however often a name was taken meanwhile.
Result<void> take_inputs(store::ObjectStore& objects,
                         const SubmitRequest& request,
                         plan::Plan& plan,
                         std::vector<std::string>& warnings) {
  std::vector<std::string> own;
  DSTACK_CHECK(hold_given(plan, objects));
  DSTACK_CHECK(capture_inputs(plan, objects, request.on_input, own));
  for (std::string& warning : own)
    if (std::find(warnings.begin(), warnings.end(), warning) == warnings.end())
      warnings.push_back(std::move(warning));
  return {};
}

}  // namespace

Result<plan::Plan> preview(const Workbench& bench,
                           const SubmitRequest& request,
                           source::Snapshot& code) {
  DSTACK_TRY(auto records, store::Records::open(bench.home, store::Records::Mode::read_only));
  DSTACK_TRY(code,
             source::preview_snapshot(
                 bench.project.root, snapshot_options(bench, request.large_folder), bench.asked));
  DSTACK_TRY(const auto secrets, secrets_of(bench.home, bench.project.folder, records));
  DSTACK_CHECK(check_receivers(bench.settings.on_end, secrets.names));
  EnvTexts texts;
  DSTACK_TRY(auto plan,
             plan::make_plan(plan_request(bench, request, ""),
                             context_with_pythons(
                                 bench, code, records, secrets, texts, python::Effects::none)));
  DSTACK_CHECK(check_tag(plan, request.tag, request.move_tag, records));
  add_messages(code, bench.project, plan);
  return plan;
}

Result<std::vector<std::string>> validate(const Workbench& bench) {
  DSTACK_TRY(auto records, store::Records::open(bench.home, store::Records::Mode::read_only));
  DSTACK_TRY(
      const auto code,
      source::preview_snapshot(
          bench.project.root, snapshot_options(bench, source::LargeFolder::taken), bench.asked));
  EnvTexts texts;
  plan::PlanningContext planning = context(bench, code, records, {});
  add_data_sources(planning, bench.home, texts);
  return plan::validate(planning);
}

Result<Submitted> submit(const Workbench& bench,
                         store::Records& records,
                         const SubmitRequest& request) {
  DSTACK_TRY(auto listing,
             source::Listing::make(bench.project.root,
                                   bench.home,
                                   snapshot_options(bench, request.large_folder),
                                   bench.asked));
  DSTACK_TRY(const auto secrets, secrets_of(bench.home, bench.project.folder, records));
  DSTACK_CHECK(check_receivers(bench.settings.on_end, secrets.names));
  // Until the run is on record nothing else keeps what it needs from being removed.
  store::ObjectStore objects(bench.home);
  std::optional<source::Snapshot> captured;
  const auto prepare = [&](const std::string& name) -> Result<PreparedRun> {
    PreparedRun run;
    RunOrder& order = run.order;
    EnvTexts texts;
    DSTACK_TRY(order.plan,
               plan::make_plan(plan_request(bench, request, name),
                               context_with_pythons(bench,
                                                    captured ? *captured : listing.code(),
                                                    records,
                                                    secrets,
                                                    texts,
                                                    python::Effects::allowed)));
    if (std::string notice = find_little_space(bench.home.root); !notice.empty())
      order.plan.notices.push_back(std::move(notice));
    DSTACK_CHECK(check_tag(order.plan, request.tag, request.move_tag, records));
    if (request.on_plan)
      DSTACK_CHECK(request.on_plan(order.plan));
    // Only now: gigabytes are not read for a run that a typo keeps from starting.
    if (!captured) {
      DSTACK_TRY(captured, capture(objects, std::move(listing), request));
      add_messages(*captured, bench.project, order.plan);
    }
    DSTACK_CHECK(take_inputs(objects, request, order.plan, captured->warnings));
    apply_settings(bench.settings, bench.machine, order);
    order.parallel = request.parallel == 0 ? cores() : request.parallel;
    order.most_failures = request.most_failures;
    order.move_tag = request.move_tag == store::Records::Force::yes;
    order.code = {captured->tree, captured->git};
    run.tag = request.tag;
    run.texts = texts_of(order.plan, texts);
    return run;
  };
  DSTACK_TRY(auto submitted, record_and_start(bench.home, records, prepare));
  submitted.warnings = std::move(captured->warnings);
  submitted.notes = std::move(captured->notes);
  return submitted;
}

}  // namespace dstack::run

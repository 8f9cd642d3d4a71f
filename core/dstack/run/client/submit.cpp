#include "dstack/run/client/submit.hpp"

#include "dstack/audit/audit_log.hpp"
#include "dstack/base/environment_variable.hpp"
#include "dstack/base/log.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/locks.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/provider/host/calls.hpp"
#include "dstack/python/python.hpp"
#include "dstack/run/client/audit_facts.hpp"
#include "dstack/run/client/little_space.hpp"
#include "dstack/run/client/project_secrets.hpp"
#include "dstack/run/client/run_folder.hpp"
#include "dstack/run/client/submit_data.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "dstack/run/protocol/supervision.hpp"
#include "dstack/source/snapshot.hpp"
#include "dstack/store/records/changes.hpp"
#include "dstack/sweep/address.hpp"

#include <algorithm>
#include <thread>

#include <unistd.h>

extern char** environ;

namespace dstack::run {

namespace {

/// Somebody may take a proposed name first; a few tries are enough for any number of callers.
constexpr int most_names = 20;

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

/// `-t TAG`: if any workflow of the run has it already, nothing starts, unless it is to be moved.
Result<void> check_tag(const plan::Plan& plan,
                       const SubmitRequest& request,
                       store::Records& records) {
  const std::string& tag = request.tag;
  if (tag.empty())
    return {};
  if (!is_name(tag))
    return fail(ErrorCode::usage, "'{}' is not a valid tag name", tag)
        .with_hint(
            "a name begins with a letter or digit and goes on with letters, digits, '.', '_' and "
            "'-'");
  if (request.move_tag == store::Records::Force::yes)
    return {};
  std::string_view last;  // the combinations of a workflow have one tag, and are adjacent
  for (const plan::PlannedWorkflow& workflow : plan.workflows) {
    const std::string name(sweep::workflow_of(workflow.name));
    if (name == last)
      continue;
    last = sweep::workflow_of(workflow.name);
    DSTACK_TRY(const auto found, records.find_tag(plan.project, name, tag));
    if (found)
      return fail(ErrorCode::conflict,
                  "tag '{}' of workflow '{}' is taken by run '{}'",
                  tag,
                  name,
                  found->run)
          .with_hint("choose another name, or add '--force' to move it here when the run succeeds");
  }
  return {};
}

/// A notification that cannot be sent is reported before the run, not after it.
Result<void> check_receivers(const std::vector<config::Receiver>& receivers,
                             const std::vector<std::string>& secrets) {
  std::vector<Error> errors;
  for (const config::Receiver& receiver : receivers)
    for (const config::SecretReference& reference : receiver.secrets)
      if (std::find(secrets.begin(), secrets.end(), reference.name) == secrets.end())
        errors.push_back(config::missing_secret(reference, secrets, config::SecretOwner::user));
  if (!errors.empty())
    return Failure(join(std::move(errors)));
  return {};
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

bool asks_for_resources(const plan::Plan& plan) {
  return std::any_of(plan.jobs.begin(), plan.jobs.end(), [](const plan::PlannedJob& job) {
    const job::Resources& wanted = job.spec.resources;
    return wanted.cpu > 0 || wanted.memory > 0 || wanted.gpu > 0;
  });
}

std::size_t cores() {
  return std::max(1u, std::thread::hardware_concurrency());
}

store::NewRun new_run(const RunOrder& order, const SubmitRequest& request) {
  store::NewRun run;
  run.name = order.plan.run_name;
  run.project = order.plan.project;
  run.target = request.target;
  run.machine = process::machine_id();
  run.boot = process::boot_id();
  run.tag = request.tag;
  run.code = order.code;
  run.inputs = given_trees(order.plan);
  for (const plan::PlannedWorkflow& workflow : order.plan.workflows)
    run.workflows.push_back({workflow.name, workflow.provider});
  for (std::size_t job = 0; job < order.plan.jobs.size(); ++job)
    run.jobs.push_back({order.plan.jobs[job].workflow, order.job_ids[job]});
  run.plan = render_run_order(order);
  return run;
}

/// What a warning says once is said once, however often a name was taken meanwhile.
Result<void> take_inputs(store::ObjectStore& objects,
                         const SubmitRequest& request,
                         plan::Plan& plan,
                         std::vector<std::string>& warnings) {
  std::vector<std::string> own;
  DSTACK_CHECK(hold_tagged(plan, objects));
  DSTACK_CHECK(capture_inputs(plan, objects, request.on_input, own));
  for (std::string& warning : own)
    if (std::find(warnings.begin(), warnings.end(), warning) == warnings.end())
      warnings.push_back(std::move(warning));
  return {};
}

/// Where the texts of files of variables are; empty: there are none.
Result<Path> keep_texts(const files::Home& home, const RunOrder& order, const EnvTexts& all) {
  const EnvTexts texts = texts_of(order.plan, all);
  if (texts.empty())
    return Path();
  Path file = env_texts_of(home, order);
  DSTACK_CHECK(write_env_texts(home, file, texts));
  return file;
}

/// A run that a job submits is supervised beside that job, and not by a process of it.
Result<std::optional<process::Child>> start_supervision(const files::Home& home,
                                                        const std::string& run,
                                                        Fd lock,
                                                        std::optional<ReadySupervisor> ready) {
  if (ready)
    return std::move(*ready).send_off(std::move(lock));
  const std::string surrounding = surrounding_run(home);
  if (surrounding.empty())
    return start_supervisor(home, run, std::move(lock));
  lock.reset();
  if (start_beside(home, surrounding, run))
    return std::optional<process::Child>();
  return ensure_supervised(home, run);
}

/// Jobs have ids of 12 hexadecimal digits: random for the run, counted within it.
std::vector<std::string> make_job_ids(std::size_t count) {
  static constexpr char digits[] = "0123456789abcdef";
  std::vector<std::string> ids;
  ids.reserve(count);
  const std::string random = random_hex(6);
  for (std::size_t job = 0; job < count; ++job) {
    std::string id = random;
    // The last five digits change from job to job, so that all ids of a run differ.
    for (std::size_t place = 0, rest = job; place < 5; ++place, rest /= 16) {
      char& digit = id[11 - place];
      const std::size_t value =
          static_cast<std::size_t>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
      digit = digits[(value + rest) % 16];
    }
    ids.push_back(std::move(id));
  }
  return ids;
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
  DSTACK_CHECK(check_tag(plan, request, records));
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
  // Before anything is recorded: a run whose lock cannot be taken has no supervisor.
  DSTACK_CHECK(files::try_locks_in(bench.home.temporary()));
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
  for (int attempt = 0;; ++attempt) {
    DSTACK_TRY(const std::string name, records.propose_run_name());
    DSTACK_TRY(auto folder, RunFolder::make(bench.home, name));
    if (!folder && attempt < most_names)
      continue;  // somebody took the name meanwhile
    if (!folder)
      return fail(ErrorCode::unavailable, "run '{}' cannot be locked", name)
          .with_hint("'dstack doctor' says whether the home '{}' can be used",
                     bench.home.root.string());
    // It gets ready while the provider plans. If it cannot be started, that is tried again later.
    std::optional<ReadySupervisor> ready;
    if (surrounding_run(bench.home).empty())
      if (auto started = ReadySupervisor::start(bench.home, name))
        ready.emplace(*std::move(started));
    RunOrder order;
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
    DSTACK_CHECK(check_tag(order.plan, request, records));
    if (request.on_plan)
      DSTACK_CHECK(request.on_plan(order.plan));
    // Only now: gigabytes are not read for a run that a typo keeps from starting.
    if (!captured) {
      DSTACK_TRY(captured, capture(objects, std::move(listing), request));
      add_messages(*captured, bench.project, order.plan);
    }
    DSTACK_CHECK(take_inputs(objects, request, order.plan, captured->warnings));
    order.parallel = request.parallel == 0 ? cores() : request.parallel;
    order.stop_grace = bench.settings.stop_grace;
    order.keep_changes = bench.settings.keep_changes;
    order.log_limit = bench.settings.log_limit;
    order.most_failures = request.most_failures;
    order.on_end = bench.settings.on_end;
    order.move_tag = request.move_tag == store::Records::Force::yes;
    order.job_ids = make_job_ids(order.plan.jobs.size());
    order.code = {captured->tree, captured->git};
    if (asks_for_resources(order.plan))
      order.machine = bench.machine;
    if (!ready || !ready->has_synced_folder())
      DSTACK_CHECK(folder->sync());
    DSTACK_TRY(const Path env_texts, keep_texts(bench.home, order, texts));
    auto id = records.create_run(new_run(order, request));
    if (!id) {
      if (!may_have_been_recorded(id.error()))
        ::unlink(env_texts.c_str());
      if (id.error().code == ErrorCode::conflict && attempt < most_names)
        continue;
      return fail(may_be_recorded(name, std::move(id).error()));
    }
    log::info(fmt::format("recorded run '{}': {} of {}, code {}",
                          name,
                          plural(order.plan.jobs.size(), "job"),
                          plural(order.plan.workflows.size(), "workflow"),
                          captured->tree.tree.render()));
    audit::note(bench.home, "run", audit_facts(order.plan));
    Fd lock = std::move(*folder).recorded();
    DSTACK_TRY(
        auto supervisor,
        start_supervision(bench.home, name, std::move(lock), std::move(ready))
            .map_error([&](Error error) { return without_supervisor(name, std::move(error)); }));
    return Submitted{*id,
                     name,
                     std::move(order.plan),
                     std::move(captured->warnings),
                     std::move(captured->notes),
                     std::move(supervisor)};
  }
}

}  // namespace dstack::run

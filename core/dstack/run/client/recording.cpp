#include "dstack/run/client/recording.hpp"

#include "dstack/audit/audit_log.hpp"
#include "dstack/base/log.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/locks.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/run/client/audit_facts.hpp"
#include "dstack/run/client/run_folder.hpp"
#include "dstack/run/client/submit_data.hpp"
#include "dstack/run/protocol/supervision.hpp"
#include "dstack/store/records/changes.hpp"
#include "dstack/sweep/address.hpp"

#include <algorithm>
#include <thread>

#include <unistd.h>

namespace dstack::run {

namespace {

/// Somebody may take a proposed name first; a few tries are enough for any number of callers.
constexpr int most_names = 20;

bool asks_for_resources(const plan::Plan& plan) {
  return std::any_of(plan.jobs.begin(), plan.jobs.end(), [](const plan::PlannedJob& job) {
    const job::Resources& wanted = job.spec.resources;
    return wanted.cpu > 0 || wanted.memory > 0 || wanted.gpu > 0;
  });
}

store::NewRun new_run(const RunOrder& order, const std::string& tag) {
  store::NewRun run;
  run.name = order.plan.run_name;
  run.project = order.plan.project;
  run.target = order.plan.target;
  run.machine = process::machine_id();
  run.boot = process::boot_id();
  run.tag = tag;
  run.code = order.code;
  run.inputs = given_trees(order.plan);
  for (const plan::PlannedWorkflow& workflow : order.plan.workflows)
    run.workflows.push_back({workflow.name, workflow.provider});
  for (std::size_t job = 0; job < order.plan.jobs.size(); ++job)
    run.jobs.push_back({order.plan.jobs[job].workflow, order.job_ids[job]});
  run.plan = render_run_order(order);
  return run;
}

/// Where the texts of files of variables are; empty: there are none.
Result<Path> keep_texts(const files::Home& home, const RunOrder& order, const EnvTexts& texts) {
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

std::size_t cores() {
  return std::max(1u, std::thread::hardware_concurrency());
}

void apply_settings(const config::Settings& settings,
                    const resources::Machine& machine,
                    RunOrder& order) {
  order.stop_grace = settings.stop_grace;
  order.keep_changes = settings.keep_changes;
  order.log_limit = settings.log_limit;
  order.on_end = settings.on_end;
  if (asks_for_resources(order.plan))
    order.machine = machine;
  else
    order.machine.reset();
}

Result<void> check_tag(const plan::Plan& plan,
                       const std::string& tag,
                       store::Records::Force move,
                       store::Records& records) {
  if (tag.empty())
    return {};
  if (!is_name(tag))
    return fail(ErrorCode::usage, "'{}' is not a valid tag name", tag)
        .with_hint(
            "a name begins with a letter or digit and goes on with letters, digits, '.', '_' and "
            "'-'");
  if (move == store::Records::Force::yes)
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

Result<Submitted> record_and_start(
    const files::Home& home,
    store::Records& records,
    const std::function<Result<PreparedRun>(const std::string& name)>& prepare) {
  // Before anything is recorded: a run whose lock cannot be taken has no supervisor.
  DSTACK_CHECK(files::try_locks_in(home.temporary()));
  for (int attempt = 0;; ++attempt) {
    DSTACK_TRY(const std::string name, records.propose_run_name());
    DSTACK_TRY(auto folder, RunFolder::make(home, name));
    if (!folder && attempt < most_names)
      continue;  // somebody took the name meanwhile
    if (!folder)
      return fail(ErrorCode::unavailable, "run '{}' cannot be locked", name)
          .with_hint("'dstack doctor' says whether the home '{}' can be used", home.root.string());
    // It gets ready while the provider plans. If it cannot be started, that is tried again later.
    std::optional<ReadySupervisor> ready;
    if (surrounding_run(home).empty())
      if (auto started = ReadySupervisor::start(home, name))
        ready.emplace(*std::move(started));
    DSTACK_TRY(PreparedRun run, prepare(name));
    RunOrder& order = run.order;
    order.job_ids = make_job_ids(order.plan.jobs.size());
    if (!ready || !ready->has_synced_folder())
      DSTACK_CHECK(folder->sync());
    DSTACK_TRY(const Path env_texts, keep_texts(home, order, run.texts));
    auto id = records.create_run(new_run(order, run.tag));
    if (!id) {
      const bool may_be_there = may_have_been_recorded(id.error());
      if (!may_be_there)
        ::unlink(env_texts.c_str());
      if (id.error().code == ErrorCode::conflict && attempt < most_names)
        continue;
      return may_be_there ? fail(may_be_recorded(name, std::move(id).error()))
                          : Failure(std::move(id).error());
    }
    log::info(fmt::format("recorded run '{}': {} of {}, code {}",
                          name,
                          plural(order.plan.jobs.size(), "job"),
                          plural(order.plan.workflows.size(), "workflow"),
                          order.code.snapshot.tree.render()));
    audit::note(home, "run", audit_facts(order.plan));
    Fd lock = std::move(*folder).recorded();
    DSTACK_TRY(
        auto supervisor,
        start_supervision(home, name, std::move(lock), std::move(ready))
            .map_error([&](Error error) { return without_supervisor(name, std::move(error)); }));
    return Submitted{*id, name, std::move(order.plan), {}, {}, std::move(supervisor)};
  }
}

}  // namespace dstack::run

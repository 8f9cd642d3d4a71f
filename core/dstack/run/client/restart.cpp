#include "dstack/run/client/restart.hpp"

#include "dstack/base/text.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/plan/resources.hpp"
#include "dstack/run/client/little_space.hpp"
#include "dstack/run/client/project_secrets.hpp"
#include "dstack/run/client/recording.hpp"
#include "dstack/run/client/submit_data.hpp"

#include <algorithm>

#include <unistd.h>

namespace dstack::run {

namespace {

bool continues_name(char character, bool before) {
  return before ? (character >= 'a' && character <= 'z') : (character >= '0' && character <= '9');
}

void replace_name(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
    const std::size_t end = at + from.size();
    if ((at > 0 && continues_name(text[at - 1], true)) ||
        (end < text.size() && continues_name(text[end], false))) {
      at = end;
      continue;
    }
    text.replace(at, from.size(), to);
    at += to.size();
  }
}

void replace_name(Json& json, const std::string& from, const std::string& to) {
  if (json.is_string())
    replace_name(json.get_ref<std::string&>(), from, to);
  else if (json.is_structured())
    for (auto& part : json)
      replace_name(part, from, to);
}

/// What the earlier run was asked to do, and what became of it.
struct Origin {
  RunOrder order;
  std::vector<bool> done;  ///< by workflow: not to run again
  std::vector<job::Artifact> artifacts;
};

Result<Origin> read_origin(store::Records& records,
                           const store::RunRecord& run,
                           const RestartRequest& request) {
  Origin origin;
  DSTACK_TRY(origin.order, read_run_order(records, run));
  origin.done.assign(origin.order.plan.workflows.size(), false);
  if (!request.only_failed)
    return origin;
  if (!job::is_final(run.status))
    return fail(ErrorCode::conflict, "run '{}' is not over", run.name)
        .with_hint(
            "'dstack logs -f {}' waits for its end, 'dstack stop {}' stops it", run.name, run.name);
  for (const store::WorkflowRecord& workflow : run.workflows)
    if (workflow.index < origin.done.size())
      origin.done[workflow.index] = workflow.status == job::Status::done;
  if (std::find(origin.done.begin(), origin.done.end(), false) == origin.done.end())
    return fail(ErrorCode::usage, "nothing of run '{}' has failed", run.name)
        .with_hint("without '--failed' all of it runs again");
  DSTACK_TRY(origin.artifacts, records.artifacts(run.id));
  return origin;
}

/// Names what would bring back what is gone: there is one answer for all of it.
Error with_way_out(Error error, const store::RunRecord& run) {
  error.hint = fmt::format("{}'dstack run {}' starts from the project as it is now",
                           error.hint.empty() ? std::string() : error.hint + "; ",
                           run.target);
  return error;
}

Result<void> hold_all(const RunOrder& order,
                      const store::RunRecord& run,
                      const store::ObjectStore& objects) {
  DSTACK_CHECK(objects.hold(order.code.snapshot)
                   .map_error(while_doing(fmt::format("taking the code of run '{}'", run.name))));
  return hold_given(order.plan, objects);
}

/// What was there when the run was planned, and may not be any more.
void check_surroundings(const plan::Plan& plan,
                        const Workbench& bench,
                        const std::vector<std::string>& secrets,
                        std::vector<Error>& errors) {
  for (const plan::PlannedWorkflow& workflow : plan.workflows)
    for (const std::string& secret : workflow.secrets)
      if (std::find(secrets.begin(), secrets.end(), secret) == secrets.end())
        errors.push_back(
            make_error(ErrorCode::not_found,
                       "the secret '{}', which workflow '{}' refers to, does not exist",
                       secret,
                       workflow.name)
                .with_hint("'dstack secrets add {}' adds it", secret));
  const auto& candidates = bench.providers.candidates();
  for (const plan::PlannedJob& job : plan.jobs) {
    const plan::PlannedWorkflow& workflow = plan.workflows[job.workflow];
    if (job.python && !job.python->program.empty() &&
        ::access(job.python->program.c_str(), X_OK) != 0)
      errors.push_back(make_error(ErrorCode::not_found,
                                  "the Python '{}' of workflow '{}' is not there any more",
                                  job.python->program.string(),
                                  workflow.name));
    if (!job.spec.native.is_null()) {
      const auto found =
          std::find_if(candidates.begin(), candidates.end(), [&](const auto& candidate) {
            return candidate.path.string() == workflow.provider_path;
          });
      if (found == candidates.end() || found->status == provider::CandidateStatus::refused)
        errors.push_back(make_error(ErrorCode::not_found,
                                    "the provider library '{}' of workflow '{}' {}",
                                    workflow.provider_path,
                                    workflow.name,
                                    found == candidates.end()
                                        ? std::string("is not there any more")
                                        : fmt::format("is refused: {}", found->reason)));
    }
    if (!plan::can_be_granted({job.spec.resources}, bench.machine))
      errors.push_back(make_error(ErrorCode::unavailable,
                                  "workflow '{}' asks for {}, which this machine does not have",
                                  workflow.name,
                                  plan::describe_reserved(job.spec.resources)));
  }
}

/// The order of the new run, with everything that it needs held and looked for.
Result<PreparedRun> prepare(const Workbench& bench,
                            store::Records& records,
                            const store::RunRecord& run,
                            const RestartRequest& request,
                            const Origin& origin,
                            const store::ObjectStore& objects,
                            const std::string& name) {
  PreparedRun prepared;
  RunOrder& order = prepared.order;
  order = origin.order;
  order.origin = run.name;
  order.plan = plan_again(std::move(order.plan), name, origin.done, origin.artifacts);
  std::vector<Error> errors;
  DSTACK_TRY(const auto secrets, secrets_of(bench.home, run.project, records));
  check_surroundings(order.plan, bench, secrets.names, errors);
  if (const auto held = hold_all(order, run, objects); !held)
    errors.push_back(held.error());
  EnvTexts texts;
  if (std::any_of(order.plan.workflows.begin(), order.plan.workflows.end(), [](const auto& each) {
        return !each.env_files.empty();
      })) {
    auto read = read_env_texts(bench.home, env_texts_of(bench.home, origin.order));
    if (read)
      texts = *std::move(read);
    else
      errors.push_back(std::move(read).error());
  }
  if (!errors.empty())
    return Failure(with_way_out(join(std::move(errors)), run));
  DSTACK_CHECK(check_receivers(bench.settings.on_end, secrets.names));
  DSTACK_CHECK(check_tag(order.plan, request.tag, request.move_tag, records));
  if (std::string notice = find_little_space(bench.home.root); !notice.empty())
    order.plan.notices.push_back(std::move(notice));
  apply_settings(bench.settings, bench.machine, order);
  if (request.parallel)
    order.parallel = *request.parallel;
  order.move_tag = request.move_tag == store::Records::Force::yes;
  prepared.tag = request.tag;
  prepared.texts = texts_of(order.plan, texts);
  return prepared;
}

}  // namespace

plan::Plan plan_again(plan::Plan plan,
                      const std::string& name,
                      const std::vector<bool>& done,
                      const std::vector<job::Artifact>& artifacts) {
  const std::string origin = plan.run_name;
  // Nobody could know the name before there was the run: wherever it is, it was put for
  // `${{ run.name }}`.
  Json text = plan;
  const std::string project = plan.project;
  replace_name(text, origin, name);
  plan = text.get<plan::Plan>();
  plan.project = project;
  plan.run_name = name;
  plan.notices.clear();

  std::vector<std::size_t> places(plan.workflows.size());
  std::vector<plan::PlannedWorkflow> workflows;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < plan.workflows.size(); ++i) {
    names.push_back(plan.workflows[i].name);
    places[i] = workflows.size();
    if (!done[i])
      workflows.push_back(std::move(plan.workflows[i]));
  }
  for (plan::PlannedWorkflow& workflow : workflows)
    for (plan::Input& input : workflow.inputs) {
      if (!input.producer)
        continue;
      if (!done[*input.producer]) {
        input.producer = places[*input.producer];
        continue;
      }
      for (const job::Artifact& artifact : artifacts)
        if (artifact.workflow == names[*input.producer])
          input.artifacts.push_back(artifact);
      input.producer.reset();
      input.run = origin;
    }
  plan.workflows = std::move(workflows);
  std::erase_if(plan.jobs, [&](const plan::PlannedJob& job) { return done[job.workflow]; });
  for (plan::PlannedJob& job : plan.jobs)
    job.workflow = places[job.workflow];
  return plan;
}

Result<plan::Plan> preview_restart(const Workbench& bench,
                                   store::Records& records,
                                   const store::RunRecord& origin,
                                   const RestartRequest& request) {
  DSTACK_TRY(const Origin read, read_origin(records, origin, request));
  const store::ObjectStore objects(bench.home);
  DSTACK_TRY(PreparedRun prepared,
             prepare(bench, records, origin, request, read, objects, "<run.name>"));
  prepared.order.plan.run_name.clear();
  return std::move(prepared.order.plan);
}

Result<Submitted> restart(const Workbench& bench,
                          store::Records& records,
                          const store::RunRecord& origin,
                          const RestartRequest& request) {
  DSTACK_TRY(const Origin read, read_origin(records, origin, request));
  // Until the run is on record nothing else keeps what it needs from being removed.
  const store::ObjectStore objects(bench.home);
  return record_and_start(bench.home, records, [&](const std::string& name) {
    return prepare(bench, records, origin, request, read, objects, name);
  });
}

}  // namespace dstack::run

// Asks the providers for jobs, and sets what they leave to the host.
#include "dstack/base/json_fields.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/plan/draft.hpp"
#include "dstack/plan/resources.hpp"

#include <algorithm>

namespace dstack::plan {

namespace {

constexpr std::int64_t most_attempts = 1'000'000;

/// The workflows of one provider, to be asked in one batch.
struct Batch {
  const provider::Candidate* provider;
  std::vector<std::size_t> drafts;
};

std::vector<Batch> batches_of(const Drafts& drafts) {
  std::vector<Batch> batches;
  std::unordered_map<const provider::Candidate*, std::size_t> known;
  for (std::size_t i = 0; i < drafts.all.size(); ++i) {
    const Draft& draft = drafts.all[i];
    if (!draft.ready)
      continue;
    const auto [entry, added] = known.emplace(draft.provider, batches.size());
    if (added)
      batches.push_back({draft.provider, {}});
    batches[entry->second].drafts.push_back(i);
  }
  return batches;
}

Error problem_of(const Draft& draft, const provider::Problem& problem) {
  Error error = make_error(ErrorCode::configuration, "{}", problem.message)
                    .at(place_of(draft, problem.property))
                    .with_hint("{}", problem.hint);
  error.context.push_back(fmt::format("while planning workflow '{}' with provider '{}'",
                                      draft.workflow->name,
                                      draft.provider->name));
  return error;
}

Error no_jobs(const Draft& draft) {
  return make_error(ErrorCode::internal,
                    "provider '{}' returned no job for workflow '{}'",
                    draft.provider->name,
                    draft.workflow->name)
      .at(draft.workflow->provider_where)
      .with_hint("this is a bug in the provider, {}", draft.provider->path.string());
}

Error impossible_master(const Draft& draft, std::size_t job) {
  return make_error(ErrorCode::internal,
                    "provider '{}' gave job {} of workflow '{}' a master that does not exist, or "
                    "that closes a cycle",
                    draft.provider->name,
                    job,
                    draft.workflow->name)
      .at(draft.workflow->provider_where)
      .with_hint("this is a bug in the provider, {}", draft.provider->path.string());
}

/// Masters may have masters, but not in a cycle.
bool has_possible_masters(const std::vector<job::JobSpec>& jobs, std::size_t job) {
  std::size_t steps = 0;
  for (auto master = jobs[job].master; master; master = jobs[*master].master)
    if (*master >= jobs.size() || ++steps >= jobs.size())
      return false;
  return true;
}

void complete_conditions(const Json& values, job::JobSpec& job) {
  if (job.setup.empty() && job.native.is_null())
    job.setup = json_strings(values, "setup");
  if (!job.workspace)
    job.workspace = job::parse_workspace_kind(json_string(values, "workspace", "private"));
  if (job.timeout.count() == 0)
    job.timeout = std::chrono::milliseconds(json_integer(values, "timeout"));
  if (job.retry == 0)
    job.retry = static_cast<std::uint32_t>(
        std::min<std::int64_t>(json_integer(values, "retry"), most_attempts));
  if (job.stop_signal.empty())
    job.stop_signal = json_string(values, "stop_signal");
  if (const Json* metrics = json_member(values, "metrics");
      !job.metrics && metrics != nullptr && !metrics->is_null())
    if (auto own = from_json_value<job::Metrics>(*metrics, {}))
      job.metrics = *std::move(own);
}

/// The common properties, for each job that does not set them itself. The artifacts of a workflow
/// with several jobs are saved by its first, unless the provider sets them.
void complete_jobs(Draft& draft) {
  const Json& values = draft.checked.values;
  const std::string working_dir = json_string(values, "working_dir");
  const job::Resources resources = planned_resources(draft.checked);
  bool any_artifacts = false;
  for (job::JobSpec& job : draft.jobs) {
    if (job.working_dir.empty())
      job.working_dir = working_dir;
    if (job.resources == job::Resources())
      job.resources = resources;
    complete_conditions(values, job);
    if (job.python && !job.python->index.empty())
      job.python->index_where = place_of(draft, "index").render();
    any_artifacts = any_artifacts || !job.artifacts.empty();
  }
  if (!any_artifacts)
    draft.jobs.front().artifacts = json_strings(values, "artifacts");
  for (job::JobSpec& job : draft.jobs)
    for (const std::string& path : draft.checked.optional_artifacts)
      if (std::find(job.artifacts.begin(), job.artifacts.end(), path) != job.artifacts.end() &&
          !job::is_optional(job, path))
        job.optional_artifacts.push_back(path);
}

void take_reply(Draft& draft, provider::PlanReply reply, std::vector<Error>& errors) {
  for (const provider::Problem& problem : reply.problems)
    errors.push_back(problem_of(draft, problem));
  if (!reply.problems.empty())
    return;
  if (reply.jobs.empty()) {
    errors.push_back(no_jobs(draft));
    return;
  }
  draft.jobs = std::move(reply.jobs);
  for (std::size_t job = 0; job < draft.jobs.size(); ++job)
    if (!has_possible_masters(draft.jobs, job)) {
      errors.push_back(impossible_master(draft, job));
      return;
    }
  complete_jobs(draft);
  draft.planned = true;
}

}  // namespace

void make_jobs(Drafts& drafts, const PlanningContext& context, std::vector<Error>& errors) {
  for (const Batch& batch : batches_of(drafts)) {
    std::vector<provider::PlanRequest> requests;
    requests.reserve(batch.drafts.size());
    for (const std::size_t i : batch.drafts)
      requests.push_back({drafts.all[i].workflow->name, std::move(drafts.all[i].checked.values)});
    auto replies = context.call_provider(*batch.provider, requests);
    for (std::size_t k = 0; k < batch.drafts.size(); ++k)
      drafts.all[batch.drafts[k]].checked.values = std::move(requests[k].properties);
    if (replies && replies->size() != requests.size())
      replies = fail(ErrorCode::internal,
                     "provider '{}' answered {} of {}",
                     batch.provider->name,
                     plural(replies->size(), "request"),
                     requests.size());
    if (!replies) {
      Error error = std::move(replies).error();
      if (!error.where)
        error.where = drafts.all[batch.drafts.front()].workflow->provider_where;
      errors.push_back(std::move(error));
      continue;
    }
    for (std::size_t k = 0; k < batch.drafts.size(); ++k)
      take_reply(drafts.all[batch.drafts[k]], std::move((*replies)[k]), errors);
  }
}

}  // namespace dstack::plan

#include "dstack/provider/host/replies.hpp"

#include "dstack/job/job_spec.hpp"

#include <utility>

namespace dstack::provider {

namespace {

constexpr const char* its_own_fault =
    "this is a bug of the provider, not of the workflow: report it to its author, or install "
    "another version";

Result<PlanReply> parse_reply(const Json& json, const PlanRequest& request) {
  PlanReply reply;
  if (const Json* problems = json_member(json, "problems"); problems != nullptr) {
    for (const Json& problem : *problems)
      reply.problems.push_back({json_string(problem, "message"),
                                json_string(problem, "property"),
                                json_string(problem, "hint")});
    if (!reply.problems.empty())
      return reply;
  }
  const Json* jobs = json_member(json, "jobs");
  if (jobs == nullptr || !jobs->is_array() || jobs->empty())
    return fail(ErrorCode::unavailable, "returned no job for workflow '{}'", request.workflow);
  reply.jobs.reserve(jobs->size());
  for (const Json& job : *jobs) {
    auto spec = job::parse_job(job);
    if (!spec)
      return fail(ErrorCode::unavailable,
                  "returned an invalid job for workflow '{}': {}",
                  request.workflow,
                  spec.error().message);
    reply.jobs.push_back(*std::move(spec));
  }
  return reply;
}

}  // namespace

Failure fault(const Candidate& provider, const std::string& did, std::string hint) {
  return fail(ErrorCode::unavailable,
              "provider '{}' ({}) {}",
              provider.name,
              provider.path.string(),
              did)
      .with_hint("{}", hint.empty() ? its_own_fault : std::move(hint));
}

Result<std::vector<PlanReply>> parse_replies(const Candidate& provider,
                                             std::string_view text,
                                             const std::vector<PlanRequest>& requests) {
  const auto json = parse_json(text, "the reply");
  if (!json)
    return fault(provider, "returned a malformed reply");
  if (const Json* fault_member = json_member(*json, "fault"); fault_member != nullptr)
    return fault(
        provider, json_string(*fault_member, "did", "failed"), json_string(*fault_member, "hint"));
  const Json* list = json_member(*json, "replies");
  if (list == nullptr || !list->is_array() || list->size() != requests.size())
    return fault(provider, "returned a malformed reply");
  std::vector<PlanReply> replies;
  replies.reserve(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    auto reply = parse_reply((*list)[i], requests[i]);
    if (!reply)
      return fault(provider, reply.error().message);
    replies.push_back(*std::move(reply));
  }
  return replies;
}

}  // namespace dstack::provider

// What the process that holds a provider's library answers: the jobs of two workflows.
#include "dstack/provider/host/replies.hpp"

#include "dstack/job/job_spec.hpp"
#include "fuzz.hpp"

using namespace dstack;
using namespace dstack::fuzz;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  provider::Candidate candidate;
  candidate.name = "p";
  candidate.path = "/p.so";
  const std::vector<provider::PlanRequest> requests = {{"a", Json::object()},
                                                       {"b", Json::object()}};
  const auto replies = provider::parse_replies(candidate, text_of(data, size), requests);
  if (!replies) {
    require(!replies.error().hint.empty(), "a refusal says what to do");
    return 0;
  }
  require(replies->size() == requests.size(), "each request has a reply");
  for (const provider::PlanReply& reply : *replies) {
    require(reply.jobs.empty() != reply.problems.empty(), "a reply is jobs, or what is wrong");
    for (const job::JobSpec& job : reply.jobs) {
      const Json rendered = Json(job);
      const auto again = job::parse_job(rendered);
      require(again && *again == job, "a job that was taken survives rendering and parsing");
      for (const std::string& artifact : job.artifacts)
        require(normal_relative_path(artifact) == artifact, "an artifact stays in the workspace");
    }
  }
  return 0;
}

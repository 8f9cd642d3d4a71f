// Calls a provider of the tests and says in one line what came of it.
#pragma once

#include "dstack/job/job_spec.hpp"
#include "dstack/provider/host/calls.hpp"

#include <string>
#include <vector>

namespace dstack::test {

inline const Path bad_providers = DSTACK_BAD_PROVIDERS;

inline provider::Candidate candidate(const std::string& file) {
  provider::Candidate candidate;
  candidate.name = file;
  candidate.path = bad_providers / (file + ".so");
  return candidate;
}

inline std::string outcome(const Result<std::vector<provider::PlanReply>>& replies,
                           const Path& path) {
  if (!replies) {
    std::string message = replies.error().message;
    const std::string shown = "(" + path.string() + ")";
    const std::size_t at = message.find(shown);
    return at == std::string::npos ? "a message without the path: " + message
                                   : message.replace(at, shown.size(), "(PATH)");
  }
  std::string text;
  for (const provider::PlanReply& reply : *replies) {
    for (const job::JobSpec& job : reply.jobs)
      text += Json(job).dump() + " ";
    for (const provider::Problem& problem : reply.problems)
      text += "[" + problem.property + ": " + problem.message + "; " + problem.hint + "] ";
  }
  return text;
}

/// What a provider makes of a workflow whose property `what` says what to do.
inline std::string plan(const std::string& file,
                        const std::string& what = "",
                        const provider::Deadlines& deadlines = {std::chrono::seconds(60),
                                                                std::chrono::seconds(60)}) {
  const provider::Candidate provider = candidate(file);
  Json properties = Json::object();
  properties["what"] = what;
  return outcome(provider::plan_jobs(provider, {{"train", std::move(properties)}}, deadlines),
                 provider.path);
}

}  // namespace dstack::test

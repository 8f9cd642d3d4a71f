// Calling a provider: always in a child, `dstack provider-host`, with a deadline; one child for
// each provider of a command, all of its workflows in one batch. Whatever the library does, the
// host goes on.
#pragma once

#include "dstack/job/job_spec.hpp"
#include "dstack/provider/discovery/registry.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace dstack::provider {

struct PlanRequest {
  std::string workflow;  ///< its name, for messages
  Json properties;       ///< typed and complete, as check_properties() made them
};

/// What a provider says is wrong with a workflow.
struct Problem {
  std::string message;
  std::string property;  ///< canonical name of the property it concerns; may be empty
  std::string hint;
};

struct PlanReply {
  std::vector<job::JobSpec> jobs;
  std::vector<Problem> problems;  ///< not empty: no jobs
};

struct Deadlines {
  std::chrono::milliseconds load{5'000};
  std::chrono::milliseconds call{10'000};
};

/// One reply for each request, in order; or one error that names the provider, its file and what it
/// did: cannot be loaded, threw, crashed (with the signal), hung, exited, sent a malformed reply.
Result<std::vector<PlanReply>> plan_jobs(const Candidate& provider,
                                         const std::vector<PlanRequest>& requests,
                                         const Deadlines& deadlines = {});

/// Loads the library in a child and has it set itself up, no more, and returns what came of it.
/// Also for a candidate that was refused.
Result<void> try_provider(const Candidate& provider, const Deadlines& deadlines = {});

/// The child's whole life: reads requests from descriptor 0, loads `library`, answers on descriptor
/// `reply_fd`. Everything the library prints goes to standard error.
int provider_host_main(const Path& library, int reply_fd);

}  // namespace dstack::provider

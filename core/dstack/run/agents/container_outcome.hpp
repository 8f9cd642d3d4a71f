// What the end of a container means for its job: how the agent has to end, and what it reports
// before. Values; no engine is asked.
#pragma once

#include "dstack/backend/container.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/run/protocol/agent.hpp"

#include <string>

namespace dstack::run {

/// How an agent's process ends, as the job did: by its exit code, or by a signal unless that is 0.
struct AgentExit {
  int code = 0;
  int signal = 0;

  bool operator==(const AgentExit&) const = default;
};

/// Nothing of the job has run, or its end is unknown.
inline constexpr AgentExit agent_failed{125, 0};

struct ContainerOutcome {
  AgentExit exit;
  AgentReport report;
};

/// Whose programs an image has, and whose its engine runs; empty: not known.
struct Platforms {
  std::string image;
  std::string engine;
};

/// `program`: what was to be started in the container of `spec`.
ContainerOutcome container_outcome(const Result<backend::ContainerEnd>& end,
                                   const std::string& program,
                                   const job::JobSpec& spec,
                                   const Platforms& platforms = {});

}  // namespace dstack::run

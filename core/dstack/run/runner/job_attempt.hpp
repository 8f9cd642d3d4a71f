// One attempt of one job, as its runner has it open from beginning to end: the order, the folders,
// and where the runner writes. Preparation, watch and conclusion work on it one after the other.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/overlay/namespace.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/run/protocol/workspace.hpp"
#include "dstack/run/runner/exit_record_file.hpp"
#include "dstack/run/runner/port_owners.hpp"
#include "dstack/run/runner/runner_log.hpp"
#include "dstack/run/runner/state_reporter.hpp"
#include "dstack/store/layers/layers.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace dstack::run {

struct JobAttempt {
  JobOrder order;  ///< the preparation completes it: values of secrets, variables, applications
  files::Home home;
  Path folder;  ///< the attempt's own
  std::unique_ptr<Workspace> workspace;
  RunnerLog log;
  StateReporter states;
  ExitRecordFile record;                      ///< written when all is over
  std::optional<overlay::Namespace> in = {};  ///< that only this runner and the job are in
  std::vector<store::Layer> layers = {};      ///< which its workspace uses
  PortOwners ports = {};                      ///< who listens at its ports
};

/// Where the list of the job's packages is.
Path packages_record(const JobAttempt& attempt);

/// Makes the folder, records the identity of the runner, opens the log and the states, and reserves
/// room for the exit record. An error means that nothing can be written there.
Result<JobAttempt> open_attempt(JobOrder order);

}  // namespace dstack::run

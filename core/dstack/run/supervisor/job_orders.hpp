// The orders of the jobs' runners, made from the run's order and from the results of the run so
// far: ports that were reserved, artifacts that were stored.
#pragma once

#include "dstack/files/home.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/run_clock.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/plan/plan.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "dstack/run/supervisor/job_environment.hpp"
#include "dstack/store/objects/objects.hpp"
#include "dstack/store/records/run_record.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dstack::run {

/// For one thread. `order` must outlive it.
class JobOrders {
 public:
  JobOrders(const files::Home& home, const store::RunRecord& run, const RunOrder& order);

  /// Stored by one of this run's workflows, for those that depend on it.
  void add(const job::Artifact& artifact);
  void set_ports(std::size_t job, std::vector<std::uint16_t> ports);
  /// Those of its attempt that began last.
  std::vector<std::uint16_t> ports_of(std::size_t job) const;

  /// Those that the job was given, instead of what an earlier attempt had.
  void set_gpus(std::size_t job, GpuIds gpus);

  /// Makes one input of the artifacts of several combinations, where the job has such. To be called
  /// before make() of a job that is to start, or that runs: once is enough.
  Result<void> gather(std::size_t job);

  JobOrder make(std::size_t job, std::size_t attempt, std::size_t attempts) const;

 private:
  std::vector<job::Artifact> artifacts_of(const plan::Input& input) const;
  static void add_input_files(const plan::PlannedWorkflow& workflow, JobOrder& order);

  std::string home_;
  std::string run_;
  job::RunClock clock_;
  const RunOrder& order_;
  PortsOfJobs ports_;
  std::map<std::size_t, GpuIds> gpus_;  ///< by job; none of one that has none
  std::map<std::string, std::vector<job::Artifact>> artifacts_;  ///< by workflow
  std::map<std::size_t, job::TreeReference> gathered_;           ///< by job
  std::optional<store::ObjectStore> objects_;                    ///< keeps these from being removed
};

}  // namespace dstack::run

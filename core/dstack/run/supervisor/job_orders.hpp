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
#include "dstack/store/records/run_record.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
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

  JobOrder make(std::size_t job, std::size_t attempt, std::size_t attempts) const;

 private:
  void add_inputs(const plan::Input& input, std::vector<job::TreeReference>& trees) const;
  static void add_input_files(const plan::PlannedWorkflow& workflow, JobOrder& order);

  std::string home_;
  std::string run_;
  job::RunClock clock_;
  const RunOrder& order_;
  PortsOfJobs ports_;
  std::map<std::size_t, GpuIds> gpus_;  ///< by job; none of one that has none
  std::map<std::string, std::vector<job::TreeReference>> artifacts_;  ///< by workflow
};

}  // namespace dstack::run

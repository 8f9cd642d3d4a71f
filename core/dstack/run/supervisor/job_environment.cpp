#include "dstack/run/supervisor/job_environment.hpp"

#include "dstack/backend/local_process.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/environment_names.hpp"
#include "dstack/plan/environment.hpp"
#include "dstack/run/protocol/run_order.hpp"

namespace dstack::run {

namespace {

std::vector<job::ReservedValues::Value> ports_of(const PortsOfJobs& ports, std::size_t job) {
  std::vector<job::ReservedValues::Value> values;
  if (const auto found = ports.find(job); found != ports.end())
    for (const std::uint16_t port : found->second)
      values.emplace_back(std::to_string(port));
  return values;
}

job::ReservedValues reserved_values(const RunOrder& order,
                                    std::size_t job,
                                    const PortsOfJobs& ports,
                                    const GpuIds& gpus) {
  job::ReservedValues values;
  values.run_name = order.plan.run_name;
  values.job_id = order.job_ids[job];
  values.host = backend::local_host;
  values.gpus = join(gpus, ",");
  values.ports = ports_of(ports, job);
  if (const auto master = plan::master_of(order.plan, job))
    values.master = {order.job_ids[*master], backend::local_host, ports_of(ports, *master)};
  values.project = order.plan.project;
  values.git = order.code.git;
  return values;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> job_environment(const RunOrder& order,
                                                                 std::size_t job,
                                                                 const PortsOfJobs& ports,
                                                                 const GpuIds& gpus) {
  const plan::PlannedJob& planned = order.plan.jobs[job];
  std::map<std::string, std::string> all;
  for (const auto& variable : plan::base_of(order.plan, planned))
    all[variable.name] = variable.value;
  for (const auto& variable : planned.environment)
    all[variable.name] = variable.value;
  for (auto& [name, value] : job::reserved_variables(reserved_values(order, job, ports, gpus)))
    if (value)
      all[name] = *std::move(value);
  return {all.begin(), all.end()};
}

}  // namespace dstack::run

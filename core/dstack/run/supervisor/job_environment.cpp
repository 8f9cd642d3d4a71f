#include "dstack/run/supervisor/job_environment.hpp"

#include "dstack/backend/local_process.hpp"
#include "dstack/base/text.hpp"
#include "dstack/plan/environment.hpp"
#include "dstack/run/protocol/run_order.hpp"

namespace dstack::run {

namespace {

using Variables = std::map<std::string, std::string>;

void add_ports(Variables& all,
               const std::string& prefix,
               const PortsOfJobs& ports,
               std::size_t job) {
  const auto found = ports.find(job);
  if (found == ports.end())
    return;
  for (std::size_t i = 0; i < found->second.size(); ++i)
    all[prefix + std::to_string(i)] = std::to_string(found->second[i]);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> job_environment(const RunOrder& order,
                                                                 std::size_t job,
                                                                 const PortsOfJobs& ports,
                                                                 const Cards& cards) {
  const plan::PlannedJob& planned = order.plan.jobs[job];
  Variables all;
  for (const auto& variable : plan::base_of(order.plan, planned))
    all[variable.name] = variable.value;
  for (const auto& variable : planned.environment)
    all[variable.name] = variable.value;

  all["RUN_NAME"] = order.plan.run_name;
  all["JOB_ID"] = order.job_ids[job];
  all["JOB_HOSTNAME"] = backend::local_host;
  all["HOSTNAME"] = backend::local_host;
  add_ports(all, "JOB_PORT_", ports, job);
  add_ports(all, "PORT_", ports, job);
  if (const auto master = plan::master_of(order.plan, job)) {
    all["MASTER_JOB_ID"] = order.job_ids[*master];
    all["MASTER_JOB_HOSTNAME"] = backend::local_host;
    add_ports(all, "MASTER_JOB_PORT_", ports, *master);
  }
  all["DSTACK_PROJECT"] = order.plan.project;
  all["DSTACK_GIT_COMMIT"] = order.code.git.commit;
  all["DSTACK_GIT_BRANCH"] = order.code.git.branch;
  all["DSTACK_GIT_REMOTE"] = order.code.git.remote;
  all["CUDA_VISIBLE_DEVICES"] = join(cards, ",");
  all["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID";
  return {all.begin(), all.end()};
}

}  // namespace dstack::run

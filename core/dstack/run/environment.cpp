#include "dstack/run/environment.hpp"

#include "dstack/backend/local_process.hpp"
#include "dstack/plan/environment.hpp"

namespace dstack::run {

namespace {

/// The cards of a job: the first n of the inventory. Giving each card to one job at a time comes
/// with reservations.
std::string visible_cards(std::uint32_t count) {
  std::string cards;
  for (std::uint32_t card = 0; card < count; ++card)
    cards += (card == 0 ? "" : ",") + std::to_string(card);
  return cards;
}

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
                                                                 const PortsOfJobs& ports) {
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
  all["CUDA_VISIBLE_DEVICES"] = visible_cards(planned.spec.resources.gpu);
  all["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID";
  return {all.begin(), all.end()};
}

}  // namespace dstack::run

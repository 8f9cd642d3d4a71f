// The provider `torchrun`: one job for each node, which start together and meet at a port of the
// first.
#include "../shared/program.hpp"

#include <algorithm>

namespace {

constexpr std::int64_t most_nodes = 1000;

/// Torch's launcher, which its program `torchrun` wraps, in the environment of the job: a
/// `torchrun` elsewhere on PATH would run another Python.
constexpr const char* launcher = "python -m torch.distributed.run";

/// Checked without importing it, which takes seconds.
constexpr const char* check_torch =
    "python -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec(\"torch\") is None)' "
    "|| { echo 'dstack: this Python has no torch; add torch to a file of `requirements`' "
    ">&2; exit 1; }";

/// Gloo uses the interface to which the machine's own name resolves. Processes of one machine must
/// use the one at which they reach each other; the user's own choice is kept.
constexpr const char* choose_interface =
    "case \"$JOB_HOSTNAME\" in 127.*) export GLOO_SOCKET_IFNAME=\"${GLOO_SOCKET_IFNAME:-lo}\";; "
    "esac";

std::int64_t processes_of(const dstack::Workflow& workflow) {
  const std::int64_t gpus = workflow.property("resources")["gpu"]["count"].integer().value_or(0);
  return workflow.integer("nproc_per_node", std::max<std::int64_t>(1, gpus));
}

/// The processes of a node share its processors; else each would start a thread for all of them.
dstack::Environment threads_of(const dstack::Workflow& workflow) {
  const std::int64_t cores = workflow.property("resources")["cpu"].integer().value_or(0);
  if (cores == 0)
    return {};
  const std::string threads = std::to_string(std::max<std::int64_t>(1, cores / processes_of(workflow)));
  return {{"OMP_NUM_THREADS", threads},
          {"MKL_NUM_THREADS", threads},
          {"OPENBLAS_NUM_THREADS", threads},
          {"NUMEXPR_NUM_THREADS", threads}};
}

class TorchrunProvider : public dstack::Provider {
  std::vector<dstack::Job> plan(const dstack::Workflow& workflow) override {
    const dstack::Python python = dstack::python_of(workflow, "version");
    const std::int64_t nodes = workflow.integer("nodes", 1);
    if (nodes > most_nodes)
      throw dstack::PropertyError("nodes",
                                  std::to_string(nodes) + " nodes are more than the " +
                                      std::to_string(most_nodes) + " that can work together");
    std::vector<dstack::Job> jobs;
    for (std::int64_t rank = 0; rank < nodes; ++rank) {
      dstack::Job job;
      job.commands = {check_torch, choose_interface, command(workflow, nodes, rank)};
      job.python = python;
      job.environment = threads_of(workflow);
      if (rank == 0)
        job.ports = 1;
      else
        job.master = 0;
      jobs.push_back(std::move(job));
    }
    // The host gives the workflow's artifacts to the first job alone.
    return jobs;
  }

  static std::string command(const dstack::Workflow& workflow,
                             std::int64_t nodes,
                             std::int64_t rank) {
    const std::string master = rank == 0 ? "" : "MASTER_";
    const std::vector<std::string> program = programs::program_of(workflow, "--module");
    return "exec " + std::string(launcher) + " --nnodes " + std::to_string(nodes) +
           " --node_rank " + std::to_string(rank) + " --nproc_per_node " +
           std::to_string(processes_of(workflow)) + " --master_addr \"$" + master +
           "JOB_HOSTNAME\" --master_port \"$" + master + "JOB_PORT_0\" " +
           dstack::shell_join(program);
  }
};

}  // namespace

DSTACK_PROVIDER(TorchrunProvider)

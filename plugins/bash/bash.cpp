// The provider `bash`: one job that runs the commands, with a Python environment if requested.
#include <dstack/provider.hpp>

namespace {

class BashProvider : public dstack::Provider {
  std::vector<dstack::Job> plan(const dstack::Workflow& workflow) override {
    dstack::Job job;
    job.commands = workflow.texts("commands");
    if (job.commands.empty())
      throw dstack::PropertyError("commands", "no command to run");
    dstack::Python python = dstack::python_of(workflow, "python");
    if (!python.version.empty() || !python.requirements.empty())
      job.python = std::move(python);
    job.ports = static_cast<std::uint32_t>(workflow.integer("ports"));
    for (std::uint32_t port = 0; port < job.ports; ++port)
      job.apps.push_back({.name = "port " + std::to_string(port), .port = port});
    return {job};
  }
};

}  // namespace

DSTACK_PROVIDER(BashProvider)

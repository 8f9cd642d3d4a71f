// The provider `bash`: one job that runs the commands, with a Python environment if requested.
#include <dstack/provider.hpp>

namespace {

class BashProvider : public dstack::Provider {
  std::vector<dstack::Job> plan(const dstack::Workflow& workflow) override {
    dstack::Job job;
    job.commands = workflow.texts("commands");
    if (job.commands.empty())
      throw dstack::PropertyError("commands", "no command to run");
    const std::string version = workflow.text("python");
    dstack::check_python_version("python", version);
    if (!version.empty() || workflow.has("requirements"))
      job.python = dstack::Python{version, workflow.texts("requirements"), {}};
    job.ports = static_cast<std::uint32_t>(workflow.integer("ports"));
    for (std::uint32_t port = 0; port < job.ports; ++port)
      job.apps.push_back({.name = "port " + std::to_string(port), .port = port});
    return {job};
  }
};

}  // namespace

DSTACK_PROVIDER(BashProvider)

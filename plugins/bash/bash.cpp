// The provider `bash`: one job that runs the commands, with a Python environment if requested.
#include <dstack/provider.hpp>

namespace {

class BashProvider : public dstack::Provider {
  static std::uint32_t ports(const dstack::Workflow& workflow) {
    constexpr std::int64_t most = 100;
    const std::int64_t ports = workflow.integer("ports");
    if (ports > most)
      throw dstack::PropertyError("ports",
                                  "a job can have at most " + std::to_string(most) + " ports");
    return static_cast<std::uint32_t>(ports);
  }

  std::vector<dstack::Job> plan(const dstack::Workflow& workflow) override {
    dstack::Job job;
    job.commands = workflow.texts("commands");
    if (job.commands.empty())
      throw dstack::PropertyError("commands", "no command to run");
    dstack::Python python = dstack::python_of(workflow, "python");
    if (!python.version.empty() || !python.requirements.empty())
      job.python = std::move(python);
    job.ports = ports(workflow);
    for (std::uint32_t port = 0; port < job.ports; ++port)
      job.apps.push_back({.name = "port " + std::to_string(port), .port = port});
    return {job};
  }
};

}  // namespace

DSTACK_PROVIDER(BashProvider)

// The provider `bash`: one job that runs the commands, with a Python environment when one is asked
// for.
#include <dstack/provider.hpp>

namespace {

class BashProvider : public dstack::Provider {
  std::vector<dstack::Job> plan(const dstack::Workflow& workflow) override {
    dstack::Job job;
    job.commands = workflow.texts("commands");
    if (job.commands.empty())
      throw dstack::PropertyError("commands", "there is no command to run");
    const std::string version = workflow.text("python");
    dstack::check_python_version("python", version);
    if (!version.empty() || workflow.has("requirements"))
      job.python = dstack::Python{version, workflow.texts("requirements"), {}};
    job.ports = static_cast<std::uint32_t>(workflow.integer("ports"));
    return {job};
  }
};

}  // namespace

DSTACK_PROVIDER(BashProvider)

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
    if (workflow.has("requirements") || workflow.has("python"))
      job.python = dstack::Python{workflow.text("python"), workflow.texts("requirements"), {}};
    return {job};
  }
};

}  // namespace

DSTACK_PROVIDER(BashProvider)

// A provider of jobs that start together and end together, without any framework that they need.
#include <dstack/provider.hpp>

namespace {

class GangProvider : public dstack::Provider {
  std::vector<dstack::Job> plan(const dstack::Workflow& workflow) override {
    std::vector<dstack::Job> jobs;
    for (std::string& command : workflow.texts("commands")) {
      dstack::Job job;
      job.commands = {std::move(command)};
      job.ports = static_cast<std::uint32_t>(workflow.integer("ports"));
      if (!jobs.empty())
        job.master = 0;
      jobs.push_back(std::move(job));
    }
    return jobs;
  }
};

}  // namespace

DSTACK_PROVIDER(GangProvider)

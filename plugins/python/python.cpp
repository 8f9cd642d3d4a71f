// The provider `python`: one job that runs a script or a module in the environment that the host
// makes for it.
#include "../shared/program.hpp"

namespace {

class PythonProvider : public dstack::Provider {
  std::vector<dstack::Job> plan(const dstack::Workflow& workflow) override {
    dstack::Job job;
    job.python = dstack::python_of(workflow, "version");
    job.argv = {"python"};
    for (std::string& word : programs::program_of(workflow, "-m"))
      job.argv.push_back(std::move(word));
    return {job};
  }
};

}  // namespace

DSTACK_PROVIDER(PythonProvider)

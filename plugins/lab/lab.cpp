// The provider `lab`: one job that serves JupyterLab.
#include "../shared/jupyter.hpp"

namespace {

class LabProvider : public dstack::Provider {
  std::vector<dstack::Job> plan(const dstack::Workflow& workflow) override {
    // No question about news, and no request for them: each run would ask again.
    return {apps::jupyter(workflow,
                          "jupyterlab",
                          " --LabApp.news_url=None "
                          "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
                          {.name = "JupyterLab", .path = "/lab"})};
  }
};

}  // namespace

DSTACK_PROVIDER(LabProvider)

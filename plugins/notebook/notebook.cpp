// The provider `notebook`: one job that serves Jupyter Notebook.
#include "../shared/jupyter.hpp"

namespace {

class NotebookProvider : public dstack::Provider {
  std::vector<dstack::Job> plan(const dstack::Workflow& workflow) override {
    return {apps::jupyter(
        workflow, "notebook", "notebook", {.name = "Jupyter Notebook", .path = "/tree"})};
  }
};

}  // namespace

DSTACK_PROVIDER(NotebookProvider)

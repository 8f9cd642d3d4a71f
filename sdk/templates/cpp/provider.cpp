#include <dstack/provider.hpp>

class @Class@ : public dstack::Provider {
  std::vector<dstack::Job> plan(const dstack::Workflow& workflow) override {
    const std::string who = workflow.text("who");
    if (who == "nobody")
      throw dstack::PropertyError("who", "there is nobody to greet", "name somebody");
    dstack::Job job;
    job.argv = {"echo", "hello", who};
    return {job};
  }
};

DSTACK_PROVIDER(@Class@)

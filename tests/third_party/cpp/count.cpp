// Counts: a provider of somebody who has the installed SDK and nothing else.
#include <dstack/provider.hpp>

class Count : public dstack::Provider {
  std::vector<dstack::Job> plan(const dstack::Workflow& workflow) override {
    const auto first = workflow.integer("first");
    const auto last = workflow.integer("last");
    if (last < first)
      throw dstack::PropertyError("last", "the range ends before it begins");
    dstack::Job job;
    job.argv = {"seq"};
    if (workflow.boolean("padded"))
      job.argv.push_back("-w");
    if (workflow.has("separator"))
      job.argv.insert(job.argv.end(), {"-s", workflow.text("separator")});
    job.argv.insert(job.argv.end(), {std::to_string(first), std::to_string(last)});
    return {job};
  }
};

DSTACK_PROVIDER(Count)

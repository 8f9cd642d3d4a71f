// A provider that makes a native job without having a function for it.
#include <dstack/provider.hpp>

class NotNative : public dstack::Provider {
  std::vector<dstack::Job> plan(const dstack::Workflow&) override {
    dstack::Job job;
    job.native = dstack::Native{};
    return {job};
  }
};

DSTACK_PROVIDER(NotNative)

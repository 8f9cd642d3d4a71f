// The author's class cannot be constructed.
#include <dstack/provider.hpp>

namespace {

class Bad : public dstack::Provider {
 public:
  Bad() { throw std::runtime_error("no licence found"); }

  std::vector<dstack::Job> plan(const dstack::Workflow&) override { return {}; }
};

}  // namespace

DSTACK_PROVIDER(Bad)

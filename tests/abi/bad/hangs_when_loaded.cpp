// The constructor of a global object never returns.
#include <unistd.h>

#include <dstack/provider.hpp>

namespace {

struct Global {
  Global() {
    for (;;)
      ::pause();
  }
} global;

class Bad : public dstack::Provider {
  std::vector<dstack::Job> plan(const dstack::Workflow&) override { return {}; }
};

}  // namespace

DSTACK_PROVIDER(Bad)

// The constructor of a global object writes to nowhere.
#include <csignal>

#include <dstack/provider.hpp>

namespace {

struct Global {
  Global() { std::raise(SIGSEGV); }
} global;

class Bad : public dstack::Provider {
  std::vector<dstack::Job> plan(const dstack::Workflow&) override { return {}; }
};

}  // namespace

DSTACK_PROVIDER(Bad)

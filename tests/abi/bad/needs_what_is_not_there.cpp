// Calls a function that no library has: what a provider is when one that it needs is missing.
#include <dstack/provider.hpp>

extern "C" int dstack_test_function_of_a_missing_library();

namespace {

class Bad : public dstack::Provider {
  std::vector<dstack::Job> plan(const dstack::Workflow&) override {
    return std::vector<dstack::Job>(
        static_cast<std::size_t>(dstack_test_function_of_a_missing_library()));
  }
};

}  // namespace

DSTACK_PROVIDER(Bad)

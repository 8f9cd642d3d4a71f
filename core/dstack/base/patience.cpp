#include "dstack/base/patience.hpp"

#include <atomic>
#include <chrono>
#include <thread>

namespace dstack {

namespace {

constexpr int most_tries = 9;
constexpr std::chrono::milliseconds first_pause{10};

std::atomic<bool> was_in_vain = false;

}  // namespace

bool Patience::wait(const Error& error) {
  if (!is_transient(error) || (tries_ == 0 && was_in_vain))
    return false;
  if (tries_ == most_tries) {
    was_in_vain = true;
    return false;
  }
  std::this_thread::sleep_for(first_pause * (1 << tries_));
  ++tries_;
  return true;
}

void Patience::succeeded() {
  tries_ = 0;
  was_in_vain = false;
}

}  // namespace dstack

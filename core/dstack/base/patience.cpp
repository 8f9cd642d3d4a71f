#include "dstack/base/patience.hpp"

#include <chrono>
#include <thread>

namespace dstack {

namespace {

constexpr int most_tries = 9;
constexpr std::chrono::milliseconds first_pause{10};

}  // namespace

bool Patience::wait(const Error& error) {
  if (!is_transient(error) || tries_ == most_tries)
    return false;
  std::this_thread::sleep_for(first_pause * (1 << tries_));
  ++tries_;
  return true;
}

}  // namespace dstack

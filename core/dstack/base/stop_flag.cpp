#include "dstack/base/stop_flag.hpp"

#include "dstack/base/fd.hpp"

#include <unistd.h>

namespace dstack {

namespace {

thread_local const StopFlag* current = nullptr;

}  // namespace

StoppableWork::StoppableWork(const StopFlag* flag) : before_(std::exchange(current, flag)) {}

StoppableWork::~StoppableWork() {
  current = before_;
}

const StopFlag* stop_flag() {
  return current;
}

bool stop_is_asked() {
  return current != nullptr && current->is_set();
}

Failure fail_stopped() {
  return fail(ErrorCode::conflict, "it was stopped");
}

Result<void> check_stop() {
  if (stop_is_asked())
    return fail_stopped();
  return {};
}

Result<void> lock_until_stopped(int fd) {
  constexpr unsigned between_tries = 20'000;  // microseconds
  if (current == nullptr)
    return lock_exclusive(fd, Wait::yes).map([](bool) {});
  for (;;) {
    DSTACK_TRY(const bool is_held, lock_exclusive(fd, Wait::no));
    if (is_held)
      return {};
    DSTACK_CHECK(check_stop());
    ::usleep(between_tries);
  }
}

}  // namespace dstack

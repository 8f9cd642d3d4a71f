#include "dstack/base/event.hpp"

#include <sys/eventfd.h>

namespace dstack {

Result<Event> Event::make() {
  Fd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd)
    return fail_errno("cannot make an event");
  return Event(std::move(fd));
}

void Event::set() const {
  ::eventfd_write(fd_.get(), 1);
}

bool Event::take() const {
  eventfd_t count = 0;
  return ::eventfd_read(fd_.get(), &count) == 0;
}

}  // namespace dstack

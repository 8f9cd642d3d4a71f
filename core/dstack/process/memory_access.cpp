#include "dstack/process/memory_access.hpp"

#include <algorithm>

#include <sys/prctl.h>
#include <sys/resource.h>

namespace dstack::process {

void deny_inspection() {
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void disable_core_dumps() {
  rlimit limit{};
  ::getrlimit(RLIMIT_CORE, &limit);
  // Zero bytes keep a file away, but not a program that the kernel would start; one byte does both.
  limit.rlim_cur = std::min<rlim_t>(1, limit.rlim_max);
  ::setrlimit(RLIMIT_CORE, &limit);
}

}  // namespace dstack::process

// A filter of system calls (seccomp) for the calling process and all that it starts.
// Source: seccomp(2), the kernel's Documentation/userspace-api/seccomp_filter.rst.
#pragma once

#include "dstack/base/error.hpp"

#include <vector>

#include <linux/filter.h>

namespace dstack::sandbox {

enum class Calls {
  /// All but those with which a process reaches into what it cannot see: keyrings, files by handle,
  /// other namespaces, typing into a terminal.
  usual,
  /// And none that trace, mount, make namespaces, load code into the kernel or measure it; nor
  /// io_uring, whose operations no filter sees.
  fewer,
};

/// The program of the filter. A call that is denied fails with EPERM; those whose absence programs
/// are prepared for fail with ENOSYS: clone3, whose flags a filter cannot read, and io_uring. So do
/// calls of another architecture than this program's, of which the filter knows no numbers.
std::vector<sock_filter> filter_program(Calls calls);

/// For good, with no_new_privs.
Result<void> filter_calls(Calls calls);

}  // namespace dstack::sandbox

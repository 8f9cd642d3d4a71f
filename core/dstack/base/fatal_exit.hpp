// How a process that cannot continue exits: memory has run out, or an exception has reached main().
// It reports that and exits; it never calls abort() when out of memory. All that must not be lost
// is on disk at any moment (docs/decisions/0002), so nothing needs to be unwound.
#pragma once

#include <string>

namespace dstack {

/// From now on, running out of memory in a thread or a destructor ends the process with `exit_code`
/// and a message on standard error.
void prepare_fatal_exit(int exit_code);
/// For a background process: the message is appended to this file.
void report_fatal_exit_in(const std::string& file);

/// For a process whose starter is to know why it ended: it exits with the number of the error, or
/// with `without` where there is none.
void exit_with_error_numbers(int without);
/// Ends the process because it cannot go on without what has failed. `hint`: the next step;
/// `number`: of the error (errno).
[[noreturn]] void exit_for(const std::string& what, const char* hint, int number);
/// Ends the process for the exception that is being handled.
[[noreturn]] void exit_for_exception();

/// For a process that others rely on: when memory is short, an allocation is retried for about
/// eight seconds, because other processes may free some.
void wait_for_memory();

}  // namespace dstack

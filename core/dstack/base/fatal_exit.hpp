// How a process ends that cannot go on: memory has run out, or an exception has come to main(). It
// says so and exits; it never dies by abort() for want of memory. All that must not be lost is on
// disk at any moment (docs/decisions/0002), so nothing needs to be unwound.
#pragma once

#include <string>

namespace dstack {

/// From now on a want of memory that leaves a thread or a destructor ends the process with
/// `exit_code` and a word on standard error.
void prepare_fatal_exit(int exit_code);
/// For a process that nobody watches: its last words are appended to this file.
void report_fatal_exit_in(const std::string& file);

/// Ends the process for the exception that is being handled.
[[noreturn]] void exit_for_exception();

/// For a process that others rely on: where memory is short it waits a while before it gives up,
/// for whoever took it may give it back. About eight seconds in all.
void wait_for_memory();

}  // namespace dstack

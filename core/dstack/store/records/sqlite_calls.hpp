// What SQLite asks of the system. It tells its callers a number of its own of what fails, and
// forgets the system's in about half of the cases: a database whose log could not be opened is
// "read-only", and one whose first page could not be read is "malformed". Internal to
// store/records.
#pragma once

namespace dstack::store {

/// Before the first connection of the process. Any thread, and more than once.
void watch_sqlite_calls();

struct FailedCall {
  int error = 0;               ///< errno; 0: none has failed
  const char* doing = "read";  ///< what it was to do with a file: open, read or write it
};

/// From here on, in this thread. To be called before SQLite is.
void forget_failed_call();
/// The last one since then that SQLite made in this thread, and that failed because a disk is full
/// or broken, or because there is no memory or descriptor.
FailedCall last_failed_call();
/// The last one ever that was to open a file: one that it could not open for writing SQLite opens
/// for reading, and remembers that alone, for all connections of the process to that database.
FailedCall last_failed_open();

}  // namespace dstack::store

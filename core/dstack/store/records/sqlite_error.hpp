// What SQLite reports, as an error with the file, the cause and the next step. Internal to
// store/records.
#pragma once

#include "dstack/base/error.hpp"

#include <string>

namespace dstack::store {

/// `code`: extended; `message` and `system_error`: what SQLite remembers of it, of which the latter
/// may be 0; `file`: of the database, empty if there is none.
Failure sqlite_failure(int code,
                       const std::string& message,
                       int system_error,
                       const std::string& file);

}  // namespace dstack::store

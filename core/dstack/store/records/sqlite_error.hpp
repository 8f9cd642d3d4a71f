// What SQLite reports, as an error with the file, the cause and the next step. Internal to
// store/records.
#pragma once

#include "dstack/base/error.hpp"
#include "dstack/store/records/sqlite_calls.hpp"

#include <string>

namespace dstack::store {

/// `code`: extended; `message`: in SQLite's words; `failed`: why, as far as it is known; `file`: of
/// the database, empty if there is none. internal: a transaction that has failed may have taken
/// effect all the same.
Failure sqlite_failure(int code,
                       const std::string& message,
                       const FailedCall& failed,
                       const std::string& file);

}  // namespace dstack::store

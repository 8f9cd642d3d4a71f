// Opening the database, and making the file. Internal to store/records.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/files/home.hpp"
#include "dstack/store/records/database.hpp"

#include <functional>

namespace dstack::store {

/// Whether there is one with any bytes in it.
bool has_database(const files::Home& home);
/// One that is there, of this schema by now. damaged: it cannot be used.
Result<Database> open_existing(const files::Home& home);
/// damaged: the log of the database was lost, for files of runs have more than their rows.
Result<void> check_log(Database& database, const files::Home& home);
/// Writes something into the log: an empty one is one that may have been lost.
Result<void> begin_log(Database& database);
/// Held by whoever makes the file.
Result<Fd> lock_database(const files::Home& home);
/// A new file, with what `fill` puts into it; no log is left.
Result<void> write_database(const Path& path,
                            const std::function<Result<void>(Database&)>& fill = {});
/// Puts one that was written in its place, durably. There is none, or an empty one.
Result<void> publish_database(const Path& draft, const files::Home& home);

}  // namespace dstack::store

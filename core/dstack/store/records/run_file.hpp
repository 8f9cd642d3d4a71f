// What the rows of a run say, once more in a file beside its log: of a database that is lost the
// runs are made from these (rebuild.hpp).
//
//   runs/<run>/record.json := {"sha256": the hash of what follows, "record": {"format": 1,
//   "schema",
//                             "run", "id", "steps", "tables": {TABLE: [{COLUMN: VALUE, …}, …], …}}}
//
// A value is a number, a text, null, or {"hex": …} for what is no UTF-8. Written now and then while
// the run lives, first within a moment of its beginning, at its end, and whenever its tags change.
// Never synced: it has to outlive the database, not a power cut, which the database outlives.
// Internal to store/records.
#pragma once

#include "dstack/base/json.hpp"
#include "dstack/files/home.hpp"
#include "dstack/store/records/database.hpp"
#include "dstack/store/records/run_record.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::store {

struct RunFile {
  std::string run;
  RunId id = 0;
  std::int64_t steps = 0;  ///< grows with each status of the run and its jobs
  Json tables;
};

/// Tables whose rows belong to a run: those with a column `run`.
inline constexpr std::array<std::string_view, 10> tables_of_runs = {"app",
                                                                    "artifact",
                                                                    "edits",
                                                                    "history",
                                                                    "job",
                                                                    "notification",
                                                                    "plan",
                                                                    "run_input",
                                                                    "tag",
                                                                    "workflow"};

/// Of a run on record, RunFile::tables as text: the rows of these tables, and those of the run
/// itself and of its project. As text, since a run may have a hundred thousand rows.
Result<std::string> render_rows(Database& database, RunId run);
/// Its file.
Result<RunFile> collect(Database& database, RunId run);
/// As RunFile::steps, from the rows alone; -1: there is no such run.
Result<std::int64_t> steps_on_record(Database& database, std::string_view run);
/// Makes the rows, in place of those that there are. With the id that it had, unless another run
/// has it now. Columns that this version does not have are left out. Within a transaction.
Result<void> put_on_record(Database& database, const RunFile& file);
/// The tags in it, unless another run got them later. How many were missing. Likewise.
Result<std::size_t> put_tags_on_record(Database& database, const RunFile& file);

/// Of a run on record. Whole, or the one that was there before; never that of a run which is being
/// removed. Not within a transaction.
Result<void> write_run_file(const files::Home& home, Database& database, RunId run);
bool has_run_file(const files::Home& home, const std::string& run);
/// not_found: there is none; damaged: its hash is another one.
Result<RunFile> read_run_file(const files::Home& home, const std::string& run);
Result<void> remove_run_file(const files::Home& home, const std::string& run);
/// Folders of runs; sorted.
std::vector<std::string> run_folders(const files::Home& home);

}  // namespace dstack::store

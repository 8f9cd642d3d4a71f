// Making the database anew from the files of the runs (run_file.hpp), when it is damaged or lost.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/files/home.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace dstack::store {

/// The next step for whoever meets a damaged database.
inline constexpr const char* how_to_repair =
    "'dstack doctor --repair' makes it anew from the folders of the runs, and keeps the damaged "
    "one";

struct Rebuilt {
  std::string damage;               ///< what was wrong with the database; empty: it is whole
  Path kept;                        ///< where the damaged one is now; empty: there was none
  std::size_t runs = 0;             ///< whose rows were made, or made newer
  std::size_t tags = 0;             ///< that a whole database had lost
  std::vector<std::string> others;  ///< folders of runs of which nothing is known
};

/// What a command would find; empty: the database is whole, or not needed yet. Reads all of it.
std::string find_database_damage(const files::Home& home);

/// One that is whole stays, and gets what the files have beyond it: after its log was lost it is
/// older than they are. Of another one nothing is kept but a copy beside it, and runs without a
/// file of their own as far as they can still be read. Runs that live take part: their supervisors
/// notice, and continue with the new one. Nobody else makes it meanwhile.
Result<Rebuilt> rebuild_database(const files::Home& home);

/// Whether the rows of a run can be made from the file in its folder.
bool can_rebuild(const files::Home& home, const std::string& run);

}  // namespace dstack::store

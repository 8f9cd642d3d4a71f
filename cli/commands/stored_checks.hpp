// 'dstack doctor --store' and '--repair': whether everything on record is there, as it was saved.
#pragma once

#include "command_line/context.hpp"
#include "dstack/store/check/check.hpp"
#include "views/checks.hpp"

#include <vector>

namespace dstack::cli {

/// Of the database alone. Empty: there is nothing yet.
std::vector<Check> check_database(const files::Home& home);
/// Makes a damaged or lost one anew.
Result<std::vector<Check>> repair_database(const files::Home& home);
/// Of all objects, and of the folders of runs. The database is whole.
Result<std::vector<Check>> check_stores(Context& context, store::Repair repair);

}  // namespace dstack::cli

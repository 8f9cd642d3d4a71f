// A database as an earlier version of dstack left it.
#pragma once

#include "dstack/store/records/database.hpp"
#include "support/catch.hpp"

#include <string>

namespace dstack::test {

/// Of schema 8: without clocks of runs, what says which trees they need, and tags of combinations.
inline void make_schema_8(store::Database& database) {
  for (const char* column : {"run drop column boot",
                             "run drop column clock_zero",
                             "run drop column started_elapsed",
                             "run drop column finished_elapsed",
                             "workflow drop column started_elapsed",
                             "workflow drop column finished_elapsed",
                             "job drop column started_elapsed",
                             "job drop column finished_elapsed",
                             "history drop column elapsed",
                             "tag drop column combination"})
    REQUIRE(database.execute(("alter table " + std::string(column)).c_str()));
  for (const char* sql :
       {"drop table run_input", "drop table removed_tree", "pragma user_version = 8"})
    REQUIRE(database.execute(sql));
}

}  // namespace dstack::test

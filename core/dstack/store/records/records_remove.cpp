// Removing a run, and what is then left to be removed from the store.
#include "dstack/store/records/connection.hpp"
#include "dstack/store/records/run_file.hpp"

namespace dstack::store {

namespace {

/// So that whoever comes next frees them if this process is killed.
Result<void> note_removed_trees(Database& database, RunId run) {
  DSTACK_TRY(Query query,
             database.query("insert into removed_tree (tree, times) "
                            "select code_tree, code_times from run where id = ?1 "
                            "union select tree, times from run_input where run = ?1 "
                            "union select tree, times from artifact where run = ?1 "
                            "union select tree, times from edits where run = ?1"));
  return query.bind(run).run();
}

}  // namespace

Result<void> Records::remove_run(RunId run) {
  Database& database = connection_->database;
  DSTACK_TRY(Transaction transaction, Transaction::begin(database));
  std::string name;
  {
    DSTACK_TRY(Query query,
               database.query("select name, finished_at is null, "
                              "(select tag from tag where tag.run = run.id limit 1) "
                              "from run where id = ?"));
    DSTACK_TRY(const bool row, query.bind(run).step());
    if (!row)
      return fail(ErrorCode::not_found, "there is no run {}", run);
    name = query.text(0);
    if (query.integer(1) != 0)
      return fail(ErrorCode::conflict, "run '{}' has not ended", name)
          .with_hint("stop it first: dstack stop {}", name);
    if (!query.is_null(2))
      return fail(ErrorCode::conflict, "run '{}' is tagged '{}'", name, query.text(2))
          .with_hint("remove the tag first: dstack tags delete {}", query.text(2));
  }
  DSTACK_CHECK(note_removed_trees(database, run));
  {
    DSTACK_TRY(Query query, database.query("delete from run where id = ?"));
    DSTACK_CHECK(query.bind(run).run());
  }
  // Before the rows have gone: whoever finds the file and no rows takes them for lost.
  DSTACK_CHECK(remove_run_file(connection_->home, name));
  return transaction.commit();
}

Result<std::vector<RemovedTree>> Records::removed_trees() {
  DSTACK_TRY(Query query,
             connection_->database.query("select id, tree, times from removed_tree order by id"));
  std::vector<RemovedTree> trees;
  for (;;) {
    DSTACK_TRY(const bool row, query.step());
    if (!row)
      return trees;
    trees.push_back(
        {query.integer(0), digest_from_stored(query.text(1)), digest_from_stored(query.text(2))});
  }
}

Result<void> Records::forget_removed_trees(std::int64_t last) {
  DSTACK_TRY(Query query, connection_->database.query("delete from removed_tree where id <= ?"));
  return query.bind(last).run();
}

}  // namespace dstack::store

// What the runs need of the store.
#include "dstack/store/records/connection.hpp"

namespace dstack::store {

namespace {

using Role = NeededTree::Role;

// One statement, so that all of it is of one moment.
constexpr std::string_view needed =
    "select id, 0, code_tree, code_times from run union all "
    "select run, 1, tree, times from run_input union all "
    "select run, 2, tree, times from artifact union all "
    "select run, 3, tree, times from edits";
constexpr std::string_view needed_by_run =
    "select id, 0, code_tree, code_times from run where id = ?1 union all "
    "select run, 1, tree, times from run_input where run = ?1 union all "
    "select run, 2, tree, times from artifact where run = ?1 union all "
    "select run, 3, tree, times from edits where run = ?1";

Result<std::vector<NeededTree>> read_needed(Query query) {
  std::vector<NeededTree> trees;
  for (;;) {
    DSTACK_TRY(const bool row, query.step());
    if (!row)
      return trees;
    const Digest tree = digest_from_stored(query.text(2));
    if (tree != Digest{})
      trees.push_back({query.integer(0),
                       static_cast<Role>(query.integer(1)),
                       tree,
                       digest_from_stored(query.text(3))});
  }
}

}  // namespace

Result<std::vector<NeededTree>> Records::needed_trees() {
  DSTACK_TRY(Query query, connection_->database.query(needed));
  return read_needed(std::move(query));
}

Result<std::vector<NeededTree>> Records::needed_trees(RunId run) {
  DSTACK_TRY(Query query, connection_->database.query(needed_by_run));
  query.bind(run);
  return read_needed(std::move(query));
}

Result<std::int64_t> Records::changes_by_others() {
  DSTACK_TRY(Query query, connection_->database.query("pragma data_version"));
  DSTACK_TRY(const bool row, query.step());
  return row ? query.integer(0) : 0;
}

}  // namespace dstack::store

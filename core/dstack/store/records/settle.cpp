#include "dstack/store/records/settle.hpp"

#include "dstack/store/records/database.hpp"

namespace dstack::store {

Result<void> settle_commits(const files::Home& home) {
  DSTACK_TRY(Database database, Database::open(home.database(), Database::Open::read_write));
  DSTACK_TRY(Transaction transaction, Transaction::begin(database));
  std::int64_t version = 0;
  {
    DSTACK_TRY(Query query, database.query("pragma user_version"));
    DSTACK_CHECK(query.step());
    version = query.integer(0);
  }
  // The same value: what counts is that it is written.
  DSTACK_CHECK(database.execute(fmt::format("pragma user_version = {}", version).c_str()));
  return transaction.commit();
}

}  // namespace dstack::store

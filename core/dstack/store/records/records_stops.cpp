// What was asked of a run while it goes on.
#include "dstack/job/status.hpp"
#include "dstack/store/records/connection.hpp"

namespace dstack::store {

namespace {

/// An abort is not taken back by a later stop.
Result<void> note_stop(Database& database,
                       std::string_view sql,
                       RunId run,
                       std::int64_t number,
                       job::StopRequest request) {
  DSTACK_TRY(Query query, database.query(sql));
  DSTACK_CHECK(query.bind(run).bind(number).bind(render(request)).run());
  if (database.changes() > 0)
    return {};
  return fail(ErrorCode::conflict, "it has already ended");
}

}  // namespace

Result<void> note_workflow_stop(Database& database,
                                RunId run,
                                std::size_t workflow,
                                job::StopRequest request) {
  return note_stop(database,
                   "update workflow set stop = case when stop = 'abort' then stop else ?3 end "
                   "where run = ?1 and number = ?2 and finished_at is null",
                   run,
                   static_cast<std::int64_t>(workflow),
                   request);
}

Result<void> Records::request_stop(RunId run, job::StopRequest request) {
  DSTACK_TRY(Transaction transaction, Transaction::begin(connection_->database));
  DSTACK_CHECK(note_stop(connection_->database,
                         "update run set stop = case when stop = 'abort' then stop else ?3 end "
                         "where id = ?1 and ?2 = 0 and finished_at is null",
                         run,
                         0,
                         request));
  return transaction.commit();
}

Result<void> Records::request_stop(RunId run,
                                   const std::vector<std::size_t>& workflows,
                                   job::StopRequest request) {
  DSTACK_TRY(Transaction transaction, Transaction::begin(connection_->database));
  std::optional<Error> ended;
  std::size_t stopped = 0;
  for (const std::size_t workflow : workflows) {
    auto noted = note_workflow_stop(connection_->database, run, workflow, request);
    if (!noted && noted.error().code != ErrorCode::conflict)
      return noted;
    if (!noted)
      ended = std::move(noted).error();
    else
      ++stopped;
  }
  if (stopped == 0 && ended)
    return fail(*std::move(ended));
  return transaction.commit();
}

Result<std::vector<job::StopRequest>> Records::workflow_stops(RunId run) {
  DSTACK_TRY(
      Query query,
      connection_->database.query("select stop from workflow where run = ? order by number"));
  query.bind(run);
  std::vector<job::StopRequest> stops;
  for (;;) {
    DSTACK_TRY(const bool row, query.step());
    if (!row)
      return stops;
    stops.push_back(job::parse_stop_request(query.text(0)).value_or(job::StopRequest::none));
  }
}

}  // namespace dstack::store

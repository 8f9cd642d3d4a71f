// Notifications of the end of a run, and their progress.
#include "dstack/store/records/connection.hpp"

#include <array>
#include <utility>

namespace dstack::store {

namespace {

constexpr std::array status_words = {
    std::pair{NotificationStatus::waiting, std::string_view("waiting")},
    std::pair{NotificationStatus::delivered, std::string_view("delivered")},
    std::pair{NotificationStatus::failed, std::string_view("failed")},
};

NotificationRecord record_from(const Query& query) {
  return {.number = static_cast<std::size_t>(query.integer(0)),
          .id = query.text(1),
          .receiver = query.text(2),
          .status = parse_notification_status(query.text(3)).value_or(NotificationStatus::failed),
          .attempts = static_cast<std::size_t>(query.integer(4)),
          .reason = query.text(5),
          .tried_at = timestamp(query.optional_integer(6)),
          .next_at = timestamp(query.optional_integer(7))};
}

std::optional<std::int64_t> stored(const std::optional<Timestamp>& time) {
  return time ? std::optional(milliseconds(*time)) : std::nullopt;
}

}  // namespace

std::string_view render(NotificationStatus status) {
  for (const auto& [known, word] : status_words)
    if (known == status)
      return word;
  return {};
}

std::optional<NotificationStatus> parse_notification_status(std::string_view text) {
  for (const auto& [status, word] : status_words)
    if (word == text)
      return status;
  return std::nullopt;
}

Result<std::vector<NotificationRecord>> Records::notifications(RunId run) {
  DSTACK_TRY(Query query,
             connection_->database.query(
                 "select number, id, receiver, status, attempts, reason, tried_at, "
                 "next_at from notification where run = ? order by number"));
  query.bind(run);
  std::vector<NotificationRecord> all;
  for (;;) {
    DSTACK_TRY(const bool row, query.step());
    if (!row)
      return all;
    all.push_back(record_from(query));
  }
}

Result<std::vector<std::pair<std::string, NotificationRecord>>> Records::last_notifications(
    std::size_t most) {
  DSTACK_TRY(Query query,
             connection_->database.query(
                 "select number, notification.id, receiver, notification.status, attempts, "
                 "reason, tried_at, next_at, run.name from notification "
                 "join run on run.id = notification.run "
                 "order by notification.run desc, number limit ?"));
  query.bind(static_cast<std::int64_t>(most));
  std::vector<std::pair<std::string, NotificationRecord>> all;
  for (;;) {
    DSTACK_TRY(const bool row, query.step());
    if (!row)
      return all;
    all.emplace_back(query.text(8), record_from(query));
  }
}

Result<void> Records::note_attempt(RunId run, const NotificationRecord& notification) {
  DSTACK_TRY(Transaction transaction, Transaction::begin(connection_->database));
  {
    DSTACK_TRY(
        Query query,
        connection_->database.query("update notification set status = ?3, attempts = ?4, reason = "
                                    "?5, tried_at = ?6, next_at = ?7 "
                                    "where run = ?1 and number = ?2 and status = 'waiting'"));
    query.bind(run).bind(static_cast<std::int64_t>(notification.number));
    query.bind(render(notification.status))
        .bind(static_cast<std::int64_t>(notification.attempts))
        .bind(notification.reason)
        .bind(stored(notification.tried_at))
        .bind(stored(notification.next_at));
    DSTACK_CHECK(query.run());
  }
  if (connection_->database.changes() == 0)
    return fail(ErrorCode::not_found, "the run has no such notification any more");
  DSTACK_CHECK(transaction.commit());
  keep(run);
  return {};
}

Result<std::vector<RunInCare>> Records::runs_in_care() {
  DSTACK_TRY(Query query,
             connection_->database.query(
                 "select name, machine from run where finished_at is null union all "
                 "select name, machine from run where id in "
                 "(select run from notification where status = 'waiting')"));
  std::vector<RunInCare> runs;
  for (;;) {
    DSTACK_TRY(const bool row, query.step());
    if (!row)
      return runs;
    runs.push_back({query.text(0), query.text(1)});
  }
}

}  // namespace dstack::store

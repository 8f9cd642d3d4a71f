#include "dstack/job/status.hpp"
#include "unit/store/fixture.hpp"

#include <algorithm>

using namespace dstack;
using namespace dstack::store;

namespace {

RunChanges end_with_notifications(job::Status status, std::vector<NewNotification> notifications) {
  RunChanges changes = run_change(status, 10);
  changes.notifications = std::move(notifications);
  return changes;
}

std::vector<std::string> in_care(Records& records) {
  std::vector<std::string> names;
  for (const RunInCare& run : value_of(records.runs_in_care()))
    names.push_back(run.name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

TEST_CASE("notifications are recorded with the run's end, and keep their ids") {
  const TestHome test;
  Records records = test.open();
  const RunId run = value_of(records.create_run(new_run("quiet-otter-1")));
  CHECK(value_of(records.notifications(run)).empty());

  require_ok(
      records.apply(run,
                    end_with_notifications(job::Status::done,
                                           {{0, "id0", "webhook a"}, {2, "id2", "command b"}})));
  require_ok(
      records.apply(run, end_with_notifications(job::Status::done, {{0, "other", "webhook a"}})));

  const auto all = value_of(records.notifications(run));
  REQUIRE(all.size() == 2);
  CHECK(all[0].id == "id0");
  CHECK(all[0].receiver == "webhook a");
  CHECK(all[0].status == NotificationStatus::waiting);
  CHECK(all[0].attempts == 0);
  CHECK_FALSE(all[0].next_at);
  CHECK(all[1].number == 2);
}

TEST_CASE("an end that is refused records no notifications") {
  const TestHome test;
  Records records = test.open();
  const RunId run = value_of(records.create_run(new_run("quiet-otter-1")));
  require_ok(records.apply(run, run_change(job::Status::done, 5)));

  CHECK(
      failure_of(records.apply(run, end_with_notifications(job::Status::failed, {{0, "id0", "a"}})))
          .code == ErrorCode::conflict);

  CHECK(value_of(records.notifications(run)).empty());
}

TEST_CASE("an attempt is noted as long as its receiver waits, and no longer") {
  const TestHome test;
  Records records = test.open();
  const RunId run = value_of(records.create_run(new_run("quiet-otter-1")));
  require_ok(records.apply(run, end_with_notifications(job::Status::done, {{0, "id0", "a"}})));
  NotificationRecord record = value_of(records.notifications(run)).front();
  record.attempts = 1;
  record.reason = "HTTP 500";
  record.tried_at = at(20).at;
  record.next_at = at(30).at;

  require_ok(records.note_attempt(run, record));

  auto noted = value_of(records.notifications(run)).front();
  CHECK(noted.status == NotificationStatus::waiting);
  CHECK(noted.attempts == 1);
  CHECK(noted.reason == "HTTP 500");
  CHECK(noted.tried_at == at(20).at);
  CHECK(noted.next_at == at(30).at);
  record = noted;
  record.status = NotificationStatus::delivered;
  record.next_at.reset();
  require_ok(records.note_attempt(run, record));
  record.status = NotificationStatus::failed;
  const auto late = records.note_attempt(run, record);
  REQUIRE_FALSE(late);
  CHECK(late.error().code == ErrorCode::not_found);
  CHECK(value_of(records.notifications(run)).front().status == NotificationStatus::delivered);

  require_ok(records.remove_run(run));
  CHECK(failure_of(records.note_attempt(run, record)).code == ErrorCode::not_found);
}

TEST_CASE("a run is cared for until it is over and all notifications are sent") {
  const TestHome test;
  Records records = test.open();
  const RunId first = value_of(records.create_run(new_run("quiet-otter-1")));
  const RunId second = value_of(records.create_run(new_run("calm-newt-1")));
  CHECK(in_care(records) == std::vector<std::string>{"calm-newt-1", "quiet-otter-1"});
  require_ok(records.apply(first, end_with_notifications(job::Status::failed, {{0, "id0", "a"}})));
  require_ok(records.apply(second, run_change(job::Status::done, 7)));
  CHECK(in_care(records) == std::vector<std::string>{"quiet-otter-1"});
  NotificationRecord record = value_of(records.notifications(first)).front();
  record.status = NotificationStatus::failed;
  require_ok(records.note_attempt(first, record));
  CHECK(in_care(records).empty());
}

TEST_CASE("the last notifications are those of the newest runs, with their names") {
  const TestHome test;
  Records records = test.open();
  for (const char* name : {"quiet-otter-1", "quiet-otter-2"}) {
    const RunId run = value_of(records.create_run(new_run(name)));
    require_ok(records.apply(
        run, end_with_notifications(job::Status::done, {{0, "id0", "a"}, {1, "id1", "b"}})));
  }
  const auto last = value_of(records.last_notifications(3));
  REQUIRE(last.size() == 3);
  CHECK(last[0].first == "quiet-otter-2");
  CHECK(last[1].second.receiver == "b");
  CHECK(last[2].first == "quiet-otter-1");
}

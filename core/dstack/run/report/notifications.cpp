#include "dstack/run/report/notifications.hpp"

#include "dstack/base/environment_variable.hpp"
#include "dstack/base/patience.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/base/thread.hpp"
#include "dstack/config/project/secret_reference.hpp"
#include "dstack/files/reserve.hpp"
#include "dstack/process/memory_access.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "dstack/run/report/delivery.hpp"
#include "dstack/run/report/description.hpp"

#include <algorithm>
#include <mutex>

namespace dstack::run {

using std::chrono::milliseconds;
using store::NotificationRecord;
using store::NotificationStatus;

namespace {

constexpr milliseconds longest_wait{300'000};

/// Two seconds; the variable is for tests.
milliseconds first_wait() {
  const auto set = environment_variable("DSTACK_NOTIFICATION_WAIT");
  const auto wait = set ? parse_duration(*set) : std::nullopt;
  return wait.value_or(milliseconds(2'000));
}

/// The one connection to the database, for all threads.
class AttemptRecorder {
 public:
  AttemptRecorder(const files::Home& home, store::Records& records, store::RunId run)
      : home_(home), records_(records), run_(run) {}

  /// Also on a full disk: what is not noted is delivered once more by the next supervisor.
  Result<void> note(const NotificationRecord& notification) {
    const std::lock_guard guard(mutex_);
    files::ReserveUse reserve(home_);
    return reserve.run(
        [&] { return with_patience([&] { return records_.note_attempt(run_, notification); }); });
  }

 private:
  const files::Home& home_;
  std::mutex mutex_;
  store::Records& records_;
  store::RunId run_;
};

/// The notification of one receiver, until it is delivered or given up.
class Delivery {
 public:
  Delivery(config::Receiver receiver, NotificationRecord record, Notification notification)
      : receiver_(std::move(receiver)),
        record_(std::move(record)),
        wait_(time_left(record_, now())),
        notification_(std::move(notification)) {}

  Result<void> deliver_to_end(AttemptRecorder& recorder) {
    while (record_.status == NotificationStatus::waiting) {
      std::this_thread::sleep_for(wait_);
      // The notifications of a run that was removed meanwhile are dropped.
      boost::system::error_code error;
      if (!fs::exists(notification_.home.run(notification_.run), error))
        return {};
      // What cannot be recorded is not sent: it would be sent again and again.
      record_.tried_at = now();
      auto noted = recorder.note(record_);
      if (noted) {
        take(deliver(receiver_, notification_));
        noted = recorder.note(record_);
      }
      if (!noted)
        return noted.error().code == ErrorCode::not_found ? Result<void>() : noted;
    }
    return {};
  }

 private:
  void take(Attempt attempt) {
    ++record_.attempts;
    record_.next_at.reset();
    record_.reason = std::move(attempt.reason);
    if (attempt.outcome == Attempt::Outcome::delivered)
      record_.status = NotificationStatus::delivered;
    else if (attempt.outcome == Attempt::Outcome::hopeless || record_.attempts > receiver_.retry)
      record_.status = NotificationStatus::failed;
    else
      wait_for_next(wait_after(record_.attempts, first_wait(), attempt.retry_after));
  }

  void wait_for_next(milliseconds wait) {
    wait_ = wait;
    record_.next_at = now() + wait;
  }

  config::Receiver receiver_;
  NotificationRecord record_;
  milliseconds wait_;  ///< before the next attempt
  Notification notification_;
};

bool refers_to_secrets(const config::Receiver& receiver) {
  return !config::secrets_in(receiver.webhook).empty() ||
         std::any_of(receiver.headers.begin(), receiver.headers.end(), [](const auto& header) {
           return !config::secrets_in(header.second).empty();
         });
}

/// All waiting notifications of a run.
Result<std::vector<Delivery>> deliveries_of(const files::Home& home,
                                            store::Records& records,
                                            const store::RunRecord& run,
                                            const std::vector<NotificationRecord>& waiting) {
  DSTACK_TRY(auto order, read_run_order(records, run));
  DSTACK_TRY(auto fresh, records.find_run(run.name));
  std::vector<Delivery> deliveries;
  if (!fresh)
    return deliveries;  // removed meanwhile
  Notification notification{
      home, run.name, run.project, std::string(job::render(fresh->status)), {}, {}};
  DSTACK_TRY(const auto description, describe_run(home, records, *std::move(fresh)));
  notification.body = render_json(render_description(description)) + "\n";
  for (const NotificationRecord& record : waiting) {
    if (record.number >= order.on_end.size())
      continue;
    config::Receiver& receiver = order.on_end[record.number];
    if (refers_to_secrets(receiver))
      process::deny_inspection();
    notification.id = record.id;
    deliveries.emplace_back(std::move(receiver), record, notification);
  }
  return deliveries;
}

}  // namespace

std::vector<store::NewNotification> notifications_for(
    const std::vector<config::Receiver>& receivers, job::Status status) {
  const std::vector<std::string> names = config::describe(receivers);
  std::vector<store::NewNotification> wanted;
  for (std::size_t number = 0; number < receivers.size(); ++number) {
    const auto& when = receivers[number].when;
    if (when.empty() || std::find(when.begin(), when.end(), job::render(status)) != when.end())
      wanted.push_back({number, random_hex(16), names[number]});
  }
  return wanted;
}

Result<void> send_notifications(const files::Home& home,
                                store::Records& records,
                                const store::RunRecord& run) {
  DSTACK_TRY(auto waiting, records.notifications(run.id));
  std::erase_if(waiting, [](const NotificationRecord& notification) {
    return notification.status != NotificationStatus::waiting;
  });
  if (waiting.empty())
    return {};
  DSTACK_TRY(auto deliveries, deliveries_of(home, records, run, waiting));
  AttemptRecorder recorder(home, records, run.id);
  std::vector<Result<void>> results(deliveries.size());
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < deliveries.size(); ++i) {
      const auto deliver_one = [&, i] { results[i] = deliveries[i].deliver_to_end(recorder); };
      if (auto thread = start_thread(deliver_one))
        threads.push_back(*std::move(thread));
      else
        deliver_one();  // without a thread, one after the other
    }
  }
  for (Result<void>& result : results)
    DSTACK_CHECK(std::move(result));
  return {};
}

milliseconds time_left(const NotificationRecord& record, Timestamp at) {
  constexpr milliseconds none{0};
  if (!record.next_at)
    return none;
  const milliseconds whole = *record.next_at - record.tried_at.value_or(at);
  return std::clamp(*record.next_at - at, none, std::clamp(whole, none, longest_wait));
}

milliseconds wait_after(std::size_t attempts, milliseconds first_wait, milliseconds retry_after) {
  milliseconds wait = first_wait;
  for (std::size_t attempt = 1; attempt < attempts && wait < longest_wait; ++attempt)
    wait *= 4;
  return std::min(std::max(wait, retry_after), longest_wait);
}

}  // namespace dstack::run

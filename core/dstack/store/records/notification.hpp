// Notifications of a run's end, as recorded in the database (docs/reference/notifications.md). They
// are recorded with the run's end.
#pragma once

#include "dstack/base/time.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace dstack::store {

enum class NotificationStatus {
  waiting,    ///< for its first or next attempt
  delivered,  ///< never changes again, like
  failed,     ///< given up
};
std::string_view render(NotificationStatus status);
std::optional<NotificationStatus> parse_notification_status(std::string_view text);

struct NewNotification {
  std::size_t number = 0;     ///< of the receiver in the run's order
  std::string id = {};        ///< by which a receiver recognizes a repetition
  std::string receiver = {};  ///< for people; nothing secret
};

struct NotificationRecord {
  std::size_t number = 0;
  std::string id = {};
  std::string receiver = {};
  NotificationStatus status = NotificationStatus::waiting;
  std::size_t attempts = 0;                ///< that are over
  std::string reason = {};                 ///< why the last of these failed
  std::optional<Timestamp> tried_at = {};  ///< when the last one began
  std::optional<Timestamp> next_at = {};   ///< when the next attempt follows a failed one
};

}  // namespace dstack::store

// What the sources of Records share. Internal to store/.
#pragma once

#include "dstack/job/status.hpp"
#include "dstack/store/records/database.hpp"
#include "dstack/store/records/records.hpp"

#include <optional>
#include <string>

namespace dstack::store {

struct Records::Connection {
  explicit Connection(Database opened) : database(std::move(opened)) {}

  Database database;
};

inline std::int64_t milliseconds(Timestamp time) {
  return time.time_since_epoch().count();
}

inline Timestamp timestamp(std::int64_t value) {
  return Timestamp(std::chrono::milliseconds(value));
}

inline std::optional<Timestamp> timestamp(const std::optional<std::int64_t>& value) {
  if (!value)
    return std::nullopt;
  return timestamp(*value);
}

inline std::optional<int> small_integer(const std::optional<std::int64_t>& value) {
  if (!value)
    return std::nullopt;
  return static_cast<int>(*value);
}

inline std::optional<std::int64_t> wide(const std::optional<int>& value) {
  if (!value)
    return std::nullopt;
  return *value;
}

/// A digest as the database holds it: empty for none.
std::string stored_digest(const Digest& digest);
Digest digest_from_stored(std::string_view text);
Result<job::Status> status_from_stored(std::string_view text);
std::optional<job::Cause> cause_from_stored(const Query& query, int column);
void bind_cause(Query& query, const std::optional<job::Cause>& cause);

}  // namespace dstack::store

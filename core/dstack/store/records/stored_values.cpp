#include "dstack/job/status.hpp"
#include "dstack/store/records/connection.hpp"

namespace dstack::store {

std::string stored_digest(const Digest& digest) {
  return digest == Digest{} ? std::string() : digest.render();
}

Digest digest_from_stored(std::string_view text) {
  return Digest::parse(text).value_or(Digest{});
}

Result<job::Status> status_from_stored(std::string_view text) {
  const auto status = job::parse_status(text);
  if (!status)
    return fail(ErrorCode::internal, "the run database holds the unknown status '{}'", text);
  return *status;
}

std::optional<job::Cause> cause_from_stored(const Query& query, int column) {
  return query.is_null(column) ? std::nullopt : job::parse_cause(query.text(column));
}

void bind_cause(Query& query, const std::optional<job::Cause>& cause) {
  if (cause)
    query.bind(render(*cause));
  else
    query.bind_null();
}

}  // namespace dstack::store

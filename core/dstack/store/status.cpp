#include "dstack/store/connection.hpp"

#include <array>
#include <utility>

namespace dstack::store {

namespace {

constexpr std::array<std::pair<Status, std::string_view>, 13> status_words{{
    {Status::submitted, "submitted"},
    {Status::queued, "queued"},
    {Status::downloading, "downloading"},
    {Status::preparing, "preparing"},
    {Status::running, "running"},
    {Status::uploading, "uploading"},
    {Status::done, "done"},
    {Status::failed, "failed"},
    {Status::stopping, "stopping"},
    {Status::stopped, "stopped"},
    {Status::aborting, "aborting"},
    {Status::aborted, "aborted"},
    {Status::skipped, "skipped"},
}};

constexpr std::array<std::pair<Cause, std::string_view>, 6> cause_words{{
    {Cause::exit, "exit"},
    {Cause::signal, "signal"},
    {Cause::oom, "oom"},
    {Cause::timeout, "timeout"},
    {Cause::start, "start"},
    {Cause::lost, "lost"},
}};

template <typename Words, typename Value>
std::string_view word_of(const Words& words, Value value) {
  for (const auto& [candidate, word] : words)
    if (candidate == value)
      return word;
  return "unknown";
}

template <typename Value, std::size_t Count>
std::optional<Value> value_of(const std::array<std::pair<Value, std::string_view>, Count>& words,
                              std::string_view text) {
  for (const auto& [value, word] : words)
    if (word == text)
      return value;
  return std::nullopt;
}

}  // namespace

bool is_final(Status status) {
  switch (status) {
    case Status::done:
    case Status::failed:
    case Status::stopped:
    case Status::aborted:
    case Status::skipped:
      return true;
    default:
      return false;
  }
}

std::string_view render(Status status) {
  return word_of(status_words, status);
}

std::optional<Status> parse_status(std::string_view text) {
  return value_of(status_words, text);
}

std::string_view render(Cause cause) {
  return word_of(cause_words, cause);
}

std::optional<Cause> parse_cause(std::string_view text) {
  return value_of(cause_words, text);
}

std::string stored_digest(const Digest& digest) {
  return digest == Digest{} ? std::string() : digest.render();
}

Digest digest_from_stored(std::string_view text) {
  return Digest::parse(text).value_or(Digest{});
}

Result<Status> status_from_stored(std::string_view text) {
  const auto status = parse_status(text);
  if (!status)
    return fail(ErrorCode::internal,
                "the run database holds the unknown status '" + std::string(text) + "'");
  return *status;
}

std::optional<Cause> cause_from_stored(const Query& query, int column) {
  return query.is_null(column) ? std::nullopt : parse_cause(query.text(column));
}

void bind_cause(Query& query, const std::optional<Cause>& cause) {
  if (cause)
    query.bind(render(*cause));
  else
    query.bind_null();
}

std::string_view render(AppState state) {
  switch (state) {
    case AppState::starting:
      return "starting";
    case AppState::ready:
      return "ready";
    case AppState::late:
      return "late";
  }
  return "starting";
}

std::optional<AppState> parse_app_state(std::string_view text) {
  for (const AppState state : {AppState::starting, AppState::ready, AppState::late})
    if (text == render(state))
      return state;
  return std::nullopt;
}

}  // namespace dstack::store

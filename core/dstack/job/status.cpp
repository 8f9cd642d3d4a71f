#include "dstack/job/status.hpp"

#include "dstack/base/json_fields.hpp"

#include <array>
#include <utility>

namespace dstack::job {

namespace {

constexpr std::array<std::pair<Status, std::string_view>, 13> status_names{{
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

constexpr std::array<std::pair<Cause, std::string_view>, 9> cause_names{{
    {Cause::exit, "exit"},
    {Cause::signal, "signal"},
    {Cause::oom, "oom"},
    {Cause::timeout, "timeout"},
    {Cause::start, "start"},
    {Cause::lost, "lost"},
    {Cause::artifact, "artifact"},
    {Cause::port, "port"},
    {Cause::disk, "disk"},
}};

constexpr std::array<std::pair<StopRequest, std::string_view>, 3> stop_names{{
    {StopRequest::none, "none"},
    {StopRequest::stop, "stop"},
    {StopRequest::abort, "abort"},
}};

template <typename Names, typename Value>
std::string_view name_of(const Names& names, Value value) {
  for (const auto& [candidate, name] : names)
    if (candidate == value)
      return name;
  return "unknown";
}

template <typename Value, std::size_t Count>
std::optional<Value> value_of(const std::array<std::pair<Value, std::string_view>, Count>& names,
                              std::string_view text) {
  for (const auto& [value, name] : names)
    if (name == text)
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
  return name_of(status_names, status);
}

std::optional<Status> parse_status(std::string_view text) {
  return value_of(status_names, text);
}

void to_json(Json& json, Status status) {
  json = render(status);
}

void from_json(const Json& json, Status& status) {
  read_word(json, status, parse_status, "unknown status");
}

std::string_view render(Cause cause) {
  return name_of(cause_names, cause);
}

std::optional<Cause> parse_cause(std::string_view text) {
  return value_of(cause_names, text);
}

void to_json(Json& json, Cause cause) {
  json = render(cause);
}

void from_json(const Json& json, Cause& cause) {
  read_word(json, cause, parse_cause, "unknown cause");
}

std::string_view render(StopRequest request) {
  return name_of(stop_names, request);
}

std::optional<StopRequest> parse_stop_request(std::string_view text) {
  return value_of(stop_names, text);
}

void to_json(Json& json, StopRequest request) {
  json = render(request);
}

void from_json(const Json& json, StopRequest& request) {
  read_word(json, request, parse_stop_request, "unknown stop request");
}

}  // namespace dstack::job

// The status of a run, a workflow or a job, and why a job failed (spec, section 9).
#pragma once

#include "dstack/base/json.hpp"

#include <optional>
#include <string_view>

namespace dstack::job {

enum class Status {
  submitted,
  queued,
  downloading,
  preparing,
  running,
  uploading,
  done,
  failed,
  stopping,
  stopped,
  aborting,
  aborted,
  skipped,
};

/// done, failed, stopped, aborted, skipped: never changes again (the database refuses).
bool is_final(Status status);
std::string_view render(Status status);
std::optional<Status> parse_status(std::string_view text);
void to_json(Json& json, Status status);
void from_json(const Json& json, Status& status);

/// Why a job failed.
enum class Cause { exit, signal, oom, timeout, start, lost, artifact, port, disk };
std::string_view render(Cause cause);
std::optional<Cause> parse_cause(std::string_view text);
void to_json(Json& json, Cause cause);
void from_json(const Json& json, Cause& cause);

enum class StopRequest { none, stop, abort };

/// "none", "stop", "abort".
std::string_view render(StopRequest request);
std::optional<StopRequest> parse_stop_request(std::string_view text);
void to_json(Json& json, StopRequest request);
void from_json(const Json& json, StopRequest& request);

}  // namespace dstack::job

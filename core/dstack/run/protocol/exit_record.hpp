// How a job ended, as its runner leaves it for the supervisor: a value with a JSON form.
#pragma once

#include "dstack/base/error.hpp"
#include "dstack/base/json.hpp"
#include "dstack/base/time.hpp"
#include "dstack/job/secret_findings.hpp"
#include "dstack/job/status.hpp"
#include "dstack/job/usage.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::run {

/// What was found in one of the artifacts of a job.
struct ArtifactWithSecrets {
  std::string path;  ///< the artifact's own
  job::SecretFindings exposure;

  bool operator==(const ArtifactWithSecrets&) const = default;
};

/// How a job ended, as its runner found it; `exit.json` in the job's folder. It is complete before
/// the runner ends; a runner that ended without one was killed. The last member of the JSON is a
/// checksum of the rest: what a power cut leaves of a record that was not synced counts as none.
struct ExitRecord {
  enum class Outcome { exited, signaled, not_started };

  Outcome outcome = Outcome::exited;
  int number = 0;                                  ///< exit code or signal
  job::StopRequest stop = job::StopRequest::none;  ///< it was asked to end
  /// Set if number and outcome do not imply it: `oom`.
  std::optional<job::Cause> cause;
  std::string message;  ///< for people: why it could not start, or failed
  std::vector<std::string> warnings;
  job::Usage usage;
  std::vector<ArtifactWithSecrets> exposed;  ///< those that hold secrets of the job
  bool edited = false;                  ///< something in the workspace changed beside the artifacts
  job::SecretFindings exposed_changes;  ///< secrets of the job in what is kept of that
  std::string job;                      ///< its id; empty in what an older version wrote
  std::string workspace;  ///< how it was made, as in store::JobChange; empty: it was not
  Timestamp started_at;
  Timestamp finished_at;
  /// The same by the run's clock; an older runner does not say it.
  std::optional<std::chrono::milliseconds> finished_elapsed;

  bool operator==(const ExitRecord&) const = default;
};

/// By itself, with 0.
bool ended_well(const ExitRecord& record);

void to_json(Json& json, ExitRecord::Outcome outcome);
void from_json(const Json& json, ExitRecord::Outcome& outcome);
void to_json(Json& json, const ArtifactWithSecrets& artifact);
void from_json(const Json& json, ArtifactWithSecrets& artifact);
void to_json(Json& json, const ExitRecord& record);
void from_json(const Json& json, ExitRecord& record);

std::string render_exit_record(const ExitRecord& record);
/// Also what an older version wrote, without a checksum.
Result<ExitRecord> parse_exit_record(std::string_view text);

}  // namespace dstack::run

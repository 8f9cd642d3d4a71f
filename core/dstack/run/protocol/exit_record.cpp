#include "dstack/run/protocol/exit_record.hpp"

#include "dstack/base/json.hpp"

namespace dstack::run {

namespace {

const char* render_outcome(ExitRecord::Outcome outcome) {
  switch (outcome) {
    case ExitRecord::Outcome::signaled:
      return "signaled";
    case ExitRecord::Outcome::not_started:
      return "not started";
    case ExitRecord::Outcome::exited:
      break;
  }
  return "exited";
}

Json exposed_to_json(const std::vector<ArtifactWithSecrets>& artifacts) {
  Json json = Json::array();
  for (const ArtifactWithSecrets& artifact : artifacts)
    json.push_back(
        {{"path", artifact.path}, {"exposure", job::render_findings(artifact.exposure)}});
  return json;
}

std::vector<ArtifactWithSecrets> exposed_from_json(const Json* json) {
  std::vector<ArtifactWithSecrets> artifacts;
  if (json == nullptr || !json->is_array())
    return artifacts;
  for (const Json& artifact : *json)
    if (const Json* exposure = json_member(artifact, "exposure"))
      artifacts.push_back({json_string(artifact, "path"), job::parse_findings(*exposure)});
  return artifacts;
}

Timestamp timestamp(std::int64_t milliseconds) {
  return Timestamp(std::chrono::milliseconds(milliseconds));
}

}  // namespace

std::string render_exit_record(const ExitRecord& record) {
  Json cause;
  if (record.cause)
    cause = job::render(*record.cause);
  return render_json(Json{{"outcome", render_outcome(record.outcome)},
                          {"number", record.number},
                          {"stop", render(record.stop)},
                          {"cause", cause},
                          {"message", record.message},
                          {"warnings", record.warnings},
                          {"usage", job::usage_to_json(record.usage)},
                          {"exposed", exposed_to_json(record.exposed)},
                          {"edited", record.edited},
                          {"started_at", record.started_at.time_since_epoch().count()},
                          {"finished_at", record.finished_at.time_since_epoch().count()}}) +
         "\n";
}

Result<ExitRecord> parse_exit_record(std::string_view text) {
  DSTACK_TRY(const Json json, parse_json(text, "an exit record"));
  ExitRecord record;
  const std::string outcome = json_string(json, "outcome");
  if (outcome == "signaled")
    record.outcome = ExitRecord::Outcome::signaled;
  else if (outcome == "not started")
    record.outcome = ExitRecord::Outcome::not_started;
  else if (outcome != "exited")
    return fail(ErrorCode::internal, "an exit record has the unknown outcome '" + outcome + "'");
  record.number = static_cast<int>(json_integer(json, "number"));
  record.stop = job::parse_stop_request(json_string(json, "stop")).value_or(job::StopRequest::none);
  record.cause = job::parse_cause(json_string(json, "cause"));
  record.message = json_string(json, "message");
  record.warnings = json_strings(json, "warnings");
  if (const Json* usage = json_member(json, "usage"))
    record.usage = job::usage_from_json(*usage);
  record.exposed = exposed_from_json(json_member(json, "exposed"));
  record.edited = json_boolean(json, "edited");
  record.started_at = timestamp(json_integer(json, "started_at"));
  record.finished_at = timestamp(json_integer(json, "finished_at"));
  return record;
}

}  // namespace dstack::run

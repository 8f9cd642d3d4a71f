#include "dstack/run/protocol/exit_record.hpp"

#include "dstack/base/json_fields.hpp"
#include "dstack/base/sha256.hpp"
#include "dstack/base/text.hpp"

#include <array>

namespace dstack::run {

namespace {

using Outcome = ExitRecord::Outcome;

constexpr std::array<std::pair<Outcome, std::string_view>, 3> outcome_names{{
    {Outcome::exited, "exited"},
    {Outcome::signaled, "signaled"},
    {Outcome::not_started, "not started"},
}};

std::optional<Outcome> parse_outcome(std::string_view text) {
  for (const auto& [outcome, name] : outcome_names)
    if (name == text)
      return outcome;
  return std::nullopt;
}

constexpr std::string_view before_checksum = ",\"checksum\":\"";

/// Of a JSON map, to which something is added.
std::string_view without_brace(std::string_view map) {
  return map.substr(0, map.size() - 1);
}

/// The last member of a record, with the end of the map.
std::string checksum_of(std::string_view record) {
  return fmt::format("{}{}\"}}", before_checksum, sha256(record).render());
}

}  // namespace

template <class Fields, MaybeConst<ArtifactWithSecrets> Self>
void fields(Fields& fields, Self& artifact) {
  fields.member("path", artifact.path);
  fields.member("exposure", artifact.exposure);
}

template <class Fields, MaybeConst<ExitRecord> Self>
void fields(Fields& fields, Self& record) {
  fields.required("outcome", record.outcome);
  fields.member("number", record.number);
  fields.member("stop", record.stop);
  fields.member("cause", record.cause);
  fields.member("message", record.message);
  fields.member("warnings", record.warnings);
  fields.member("usage", record.usage);
  fields.member("exposed", record.exposed);
  fields.member("edited", record.edited);
  fields.optional("exposed_changes", record.exposed_changes);
  fields.optional("job", record.job);
  fields.optional("workspace", record.workspace);
  fields.member("started_at", record.started_at);
  fields.member("finished_at", record.finished_at);
  fields.optional("finished_elapsed", record.finished_elapsed);
}

void to_json(Json& json, ExitRecord::Outcome outcome) {
  for (const auto& [each, name] : outcome_names)
    if (each == outcome)
      json = name;
}

void from_json(const Json& json, ExitRecord::Outcome& outcome) {
  read_word(json, outcome, parse_outcome, "unknown outcome");
}

void to_json(Json& json, const ArtifactWithSecrets& artifact) {
  write_fields(json, artifact);
}

void from_json(const Json& json, ArtifactWithSecrets& artifact) {
  read_fields(json, artifact, "artifact");
}

void to_json(Json& json, const ExitRecord& record) {
  write_fields(json, record);
}

void from_json(const Json& json, ExitRecord& record) {
  read_fields(json, record, "record");
}

bool ended_well(const ExitRecord& record) {
  return record.outcome == ExitRecord::Outcome::exited && record.number == 0 &&
         record.stop == job::StopRequest::none && !record.cause;
}

std::string render_exit_record(const ExitRecord& record) {
  const std::string text = render_json(record);
  return std::string(without_brace(text)) + checksum_of(text) + "\n";
}

Result<ExitRecord> parse_exit_record(std::string_view text) {
  std::string body(trim(text));
  if (const std::size_t at = body.rfind(before_checksum); at != std::string::npos) {
    const std::string end = body.substr(at);
    body.replace(at, std::string::npos, "}");
    if (end != checksum_of(body))
      return fail(ErrorCode::internal, "cannot read an exit record: its checksum is another");
  }
  DSTACK_TRY(const Json json, parse_json(body, "an exit record"));
  return from_json_value<ExitRecord>(json, "an exit record");
}

}  // namespace dstack::run

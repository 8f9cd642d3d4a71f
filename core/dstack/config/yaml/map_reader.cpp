#include "dstack/config/yaml/map_reader.hpp"

#include "dstack/base/quantity.hpp"
#include "dstack/base/suggest.hpp"
#include "dstack/base/text.hpp"
#include "dstack/config/yaml/file_source.hpp"

#include <algorithm>

namespace dstack::config {

namespace {

std::string canonical_key(std::string key) {
  std::replace(key.begin(), key.end(), '-', '_');
  return key;
}

}  // namespace

void MapReader::each_member(const Value& map,
                            const std::string& what,
                            const std::vector<std::string>& known,
                            const Use& use) {
  if (map.kind == ValueKind::null)
    return;
  if (map.kind != ValueKind::mapping) {
    report(make_error(ErrorCode::configuration, "{} must be a map, not {}", what, describe(map))
               .at(map.where)
               .with_hint("its keys are {}", quoted_list(known)));
    return;
  }
  std::vector<std::string> seen;
  for (const Member& member : map.members) {
    const std::string key = canonical_key(member.key);
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      std::string hint = did_you_mean(key, known);
      report(make_error(ErrorCode::configuration, "unknown key '{}'", printable(member.key))
                 .at(member.key_where)
                 .with_hint(
                     "{}",
                     hint.empty() ? fmt::format("valid keys are {}", quoted_list(known)) : hint));
    } else if (std::find(seen.begin(), seen.end(), key) != seen.end()) {
      report(make_error(ErrorCode::configuration, "duplicate key '{}'", key)
                 .at(member.key_where)
                 .with_hint("'-' and '_' are the same; remove one of the two"));
    } else {
      seen.push_back(key);
      use(key, member.value);
    }
  }
}

void MapReader::read_size(const std::string& key, const Value& value, std::uint64_t& bytes) {
  const auto size = value.kind == ValueKind::scalar ? parse_size(value.text) : std::nullopt;
  if (size)
    bytes = *size;
  else
    report(make_error(ErrorCode::configuration, "'{}' must be a size", key)
               .at(value.where)
               .with_hint("write '16GB' or '512MiB', for example"));
}

void MapReader::read_memory(const std::string& key, const Value& value, std::uint64_t& bytes) {
  const std::size_t errors_before = errors_.size();
  read_size(key, value, bytes);
  if (bytes < least_memory && errors_.size() == errors_before)
    report(make_error(ErrorCode::configuration, "'{}' must be at least 1MB", key)
               .at(value.where)
               .with_hint("{}", hint_of_forgotten_unit(value.text)));
}

void MapReader::read_duration(const std::string& key,
                              const Value& value,
                              std::chrono::milliseconds& duration) {
  const auto parsed = value.kind == ValueKind::scalar ? parse_duration(value.text) : std::nullopt;
  if (parsed)
    duration = *parsed;
  else
    report(make_error(ErrorCode::configuration, "'{}' must be a duration", key)
               .at(value.where)
               .with_hint("write '10s' or '1m30s', for example"));
}

void MapReader::report(Error error) {
  for (Error& each : flatten(std::move(error)))
    errors_.push_back(std::move(each));
}

}  // namespace dstack::config

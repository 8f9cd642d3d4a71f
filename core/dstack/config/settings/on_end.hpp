// `on_end` of `$DSTACK_HOME/config.yaml`: who is notified of the end of each run.
#pragma once

#include "dstack/base/json.hpp"
#include "dstack/config/project/interpolation.hpp"
#include "dstack/config/yaml/value.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace dstack::config {

class MapReader;

/// A command or a webhook. References to secrets are in the webhook and the values of its headers
/// (config/project/secret_reference.hpp), and nowhere else.
struct Receiver {
  std::vector<std::string> command;  ///< with its arguments; empty: it is a webhook
  std::string webhook;               ///< its URL
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<std::string> when;  ///< statuses of a run that has ended; empty: all of them
  std::chrono::milliseconds timeout{30'000};  ///< of one attempt
  std::uint32_t retry = 4;                    ///< attempts after the first one
  std::vector<SecretReference> secrets;       ///< with their places in the file
};

/// Without the places of its secrets.
void to_json(Json& json, const Receiver& receiver);
void from_json(const Json& json, Receiver& receiver);

/// Each as "webhook https://hooks.example.com" or "command notify-send": what may be shown, since
/// paths, queries and arguments often hold what is secret. Equal names get their position in
/// `on_end`.
std::vector<std::string> describe(const std::vector<Receiver>& receivers);

/// One receiver, or a list of them.
std::vector<Receiver> read_on_end(MapReader& reader, const Value& value);

}  // namespace dstack::config

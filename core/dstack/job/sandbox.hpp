// What a local job is kept from: the property `sandbox` (docs/reference/security.md, "Sandbox").
#pragma once

#include "dstack/base/json.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::job {

enum class SandboxLevel {
  files,   ///< it sees and writes no files but those that it needs
  strict,  ///< and has process ids and a network of its own, and fewer calls
};

enum class SandboxNetwork { host, none };

struct Sandbox {
  SandboxLevel level = SandboxLevel::files;
  std::vector<std::string> read;               ///< absolute, normal paths that it may read besides,
  std::vector<std::string> write;              ///< and those that it may also write
  std::optional<SandboxNetwork> network = {};  ///< not set: the level's own

  bool operator==(const Sandbox&) const = default;
};

std::string_view render(SandboxLevel level);
std::optional<SandboxLevel> parse_sandbox_level(std::string_view text);
std::string_view render(SandboxNetwork network);
std::optional<SandboxNetwork> parse_sandbox_network(std::string_view text);

/// That of the machine with `files`, none with `strict`, unless it says otherwise.
SandboxNetwork network_of(const Sandbox& sandbox);

/// What of `wanted` would let a job do more than `required` does, as a part of a sentence: "'level:
/// files' is less than 'strict'"; empty: nothing.
std::string describe_lowered(const Sandbox& wanted, const Sandbox& required);

/// For people: "strict, network none, reads '/data'".
std::string describe(const Sandbox& sandbox);

void to_json(Json& json, SandboxLevel level);
void from_json(const Json& json, SandboxLevel& level);
void to_json(Json& json, SandboxNetwork network);
void from_json(const Json& json, SandboxNetwork& network);
void to_json(Json& json, const Sandbox& sandbox);
/// Also of what check_properties() makes of the property. Paths must be absolute.
void from_json(const Json& json, Sandbox& sandbox);

}  // namespace dstack::job

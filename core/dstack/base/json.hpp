// JSON, for records of ours, for the child protocol and for `--json`. The only header that includes
// the library.
#pragma once

#include "dstack/base/error.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace dstack {

/// Members keep the order in which they were written, so what people read is stable.
using Json = nlohmann::ordered_json;

/// Deeper ones are refused: they would overflow the stack of whoever copies or writes them.
inline constexpr std::size_t deepest_json = 256;

/// Never throws, and takes a time that grows with the text alone. `what` names the text in the
/// error: "the manifest of 'python'".
Result<Json> parse_json(std::string_view text, std::string_view what);
/// One line; bytes that are not UTF-8 become U+FFFD, so this cannot fail.
std::string render_json(const Json& json);
/// Two spaces of indentation, for people.
std::string render_json_pretty(const Json& json);

/// Member `name` as a T, or `fallback` where it is missing, null or of another type. For records
/// that we wrote.
std::string json_string(const Json& object, std::string_view name, std::string fallback = {});
std::int64_t json_integer(const Json& object, std::string_view name, std::int64_t fallback = 0);
bool json_boolean(const Json& object, std::string_view name, bool fallback = false);
std::vector<std::string> json_strings(const Json& object, std::string_view name);
/// Member `name`, or null when there is none.
const Json* json_member(const Json& object, std::string_view name);

}  // namespace dstack

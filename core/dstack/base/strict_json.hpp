// JSON from untrusted sources: duplicate keys and unbounded nesting are errors.
#pragma once

#include "dstack/base/json.hpp"

namespace dstack {

inline constexpr std::size_t deepest_strict_json = 32;

/// As parse_json(). `what` names the text in the error: "its manifest".
Result<Json> parse_strict_json(std::string_view text, std::string_view what);

/// Whether an object is followed by another one, as when two files were concatenated.
bool holds_several_json_texts(std::string_view text);

}  // namespace dstack

// From a text to JSON in linear time and bounded depth, whatever the text: the library's own parser
// looks through all members for each new one, and values that nest without end overflow the stack
// of whoever copies or writes them. Inner header of this folder.
#pragma once

#include "dstack/base/json.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace dstack {

/// A member that stands twice in one object: the last counts, as everywhere, or the text is wrong.
enum class Repeated { last_counts, is_wrong };

/// `what` names the text in the error, `code` is the error's. Never throws.
Result<Json> build_json(std::string_view text,
                        std::string_view what,
                        std::size_t deepest,
                        Repeated repeated,
                        ErrorCode code);

}  // namespace dstack

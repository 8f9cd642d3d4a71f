// Names of runs: adjective, animal, number. Internal to store/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dstack::store {

/// Two random words: "quiet-otter".
std::string random_word_pair();

struct NumberedName {
  std::string pair;
  std::int64_t number = 0;
};

/// "quiet-otter-3" in its parts; nothing when it does not end in a number.
std::optional<NumberedName> parse_run_name(std::string_view name);

}  // namespace dstack::store

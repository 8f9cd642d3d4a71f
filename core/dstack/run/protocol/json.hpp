// Parts that several orders have, as JSON. Internal to run/protocol.
#pragma once

#include "dstack/base/json.hpp"

#include <string>
#include <utility>
#include <vector>

namespace dstack::run {

/// Names and values, in an order that counts.
Json pairs_to_json(const std::vector<std::pair<std::string, std::string>>& pairs);

std::vector<std::pair<std::string, std::string>> pairs_from_json(const Json& json);

}  // namespace dstack::run

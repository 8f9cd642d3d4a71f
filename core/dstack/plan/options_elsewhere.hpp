// What to say of an option that a run does not take, but other runners do. Internal to plan/.
#pragma once

#include "dstack/plan/options.hpp"
#include "dstack/provider/manifest/manifest.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dstack::plan {

/// `name` is without its dashes; empty where nothing is known of it.
std::string advice_on_option(std::string_view name,
                             const std::vector<Option>& options,
                             const provider::Manifest& manifest);

/// Whether the option has no value where it is known.
bool is_flag_elsewhere(std::string_view name);

}  // namespace dstack::plan

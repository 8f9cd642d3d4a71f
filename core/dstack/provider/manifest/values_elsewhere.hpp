// Hints for values that are written as other runners take them. For provider/manifest and plan.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dstack::provider {

/// Empty where nothing is known of the text.
std::string hint_of_boolean(std::string_view lower_case);
std::string hint_of_gpus(const std::string& text);
/// `all`, `max`: as many as there are.
bool is_word_for_all(const std::string& text);
/// Which of `names` an unknown member of `resources`, or of its `gpu`, may have been meant to be.
std::vector<std::string> resource_meant_by(std::string_view key,
                                           const std::vector<std::string>& names);

}  // namespace dstack::provider

// The variables of a job's environment, and those that the runner itself has inherited.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dstack::run {

/// Complete, one entry a name.
using Variables = std::vector<std::pair<std::string, std::string>>;

/// Empty where it is not set.
std::string variable(const Variables& variables, const std::string& name);
/// Adds it, or replaces its value.
void set_variable(Variables& variables, const std::string& name, const std::string& value);

/// Of the runner's own environment: what the supervisor inherited from whoever started the run.
std::optional<std::string> caller_variable(const std::string& name);

}  // namespace dstack::run

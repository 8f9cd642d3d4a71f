// The variables of a job's environment.
#pragma once

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

}  // namespace dstack::run

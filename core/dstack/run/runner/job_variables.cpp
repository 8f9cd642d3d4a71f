#include "dstack/run/runner/job_variables.hpp"

#include <algorithm>

namespace dstack::run {

std::string variable(const Variables& variables, const std::string& name) {
  for (const auto& [key, value] : variables)
    if (key == name)
      return value;
  return {};
}

void set_variable(Variables& variables, const std::string& name, const std::string& value) {
  const auto found = std::find_if(
      variables.begin(), variables.end(), [&](const auto& pair) { return pair.first == name; });
  if (found != variables.end())
    found->second = value;
  else
    variables.emplace_back(name, value);
}

}  // namespace dstack::run

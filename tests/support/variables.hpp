// Variables of the environment: the test's own, ones that are set for a while, and ones made up.
#pragma once

#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace dstack::test {

/// The variable of this process, for lookups that shall see the machine as it is.
inline std::optional<std::string> own_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

/// Looks names up in a map, in the place of an environment.
inline auto lookup_in(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

/// Sets a variable of this process for the life of the object.
class SetVariable {
 public:
  SetVariable(const char* name, const std::string& value)
      : name_(name), before_(own_variable(name)) {
    ::setenv(name, value.c_str(), 1);
  }

  SetVariable(const SetVariable&) = delete;
  SetVariable& operator=(const SetVariable&) = delete;

  ~SetVariable() {
    if (before_)
      ::setenv(name_, before_->c_str(), 1);
    else
      ::unsetenv(name_);
  }

 private:
  const char* name_;
  std::optional<std::string> before_;
};

}  // namespace dstack::test

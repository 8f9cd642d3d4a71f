// The values of the variables that one workflow sees: `${{ name }}` in a value of the files stands
// for the value of another variable (spec, section 4).
#pragma once

#include "dstack/config/project/interpolation.hpp"
#include "dstack/config/project/project.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dstack::config {

class VariableValues {
 public:
  struct Source {
    /// The variable that the workflow sees by a name; null where there is none.
    std::function<const Variable*(std::string_view name)> find;
    /// A value in place of the files', taken literally; unset, or nothing: there is none.
    std::function<std::optional<std::string>(std::string_view name)> given;
    std::vector<std::string> names;  ///< of all, for suggestions
    std::string run_name;
  };

  explicit VariableValues(Source source);

  VariableValues(const VariableValues&) = delete;
  VariableValues& operator=(const VariableValues&) = delete;

  /// With its references replaced. Lacks what cannot be replaced, which is an error then.
  std::string value(const Variable& variable);

  /// Of all values that were asked for, each once: unknown names, rings (with the places of all
  /// that are in it), more text than a workflow may have.
  const std::vector<Error>& errors() const { return errors_; }

 private:
  struct State {
    bool is_open = true;  ///< its references are being replaced
    std::string text;
    std::size_t level = 1;  ///< how many variables it leads through, itself included
  };

  /// A variable whose references are being replaced.
  struct Step {
    const Variable* variable;
    std::size_t level;
  };

  std::optional<std::string> value_named(std::string_view name);
  void replace(const Variable& variable, State& state);
  std::vector<const Variable*> ring_of(const Variable& variable) const;
  void report_ring(const Variable& variable);
  void pass_level(std::size_t level);

  Source source_;
  Scope scope_;
  std::unordered_map<const Variable*, State> known_;
  std::vector<Step> path_;
  std::vector<Error> errors_;
  std::size_t room_;      ///< bytes that values may still have
  bool is_full_ = false;  ///< and reported
};

/// Adds what is wrong with references in the values of all variables to the findings.
void check_variable_values(Project& project);

}  // namespace dstack::config

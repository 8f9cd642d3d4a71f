// Which combinations of values the workflows of a run are run with: from `matrix` in their files
// and from the command line. Each combination becomes a draft of its own.
#pragma once

#include "dstack/plan/command_line.hpp"
#include "dstack/plan/draft.hpp"
#include "dstack/plan/matrix.hpp"
#include "dstack/plan/variables.hpp"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace dstack::plan {

/// Makes the combinations of a run. Owns what its drafts refer to.
class Sweeps {
 public:
  /// The keys of a `matrix` that no file declares become variables of their workflow, and the key
  /// itself is none of its properties any more. To be called once the providers are known.
  void take_matrices(Drafts& drafts);

  struct Given {
    const Request& request;
    const CommandLine& line;
    const std::vector<VariableOverride>& fixed;  ///< `--lr 0.1`: that key has this value alone
  };

  /// Replaces each draft of a workflow that is swept by one for each of its combinations. Returns
  /// whether values of any interval were chosen.
  bool expand(Drafts& drafts,
              const Given& given,
              std::vector<Error>& errors,
              std::vector<std::string>& notices);

 private:
  struct Dimension;
  class Expansion;

  /// A variable that a combination gives a value, of a place in a file.
  const config::Variable* variable(const std::string& name,
                                   const std::string& value,
                                   const SourceLocation& where);
  const VariableOverride* override_with(const std::string& name, const std::string& value);

  std::deque<config::Workflow> workflows_;  ///< those that had a matrix, without it
  std::map<std::string, const config::Value*, std::less<>> matrices_;  ///< by workflow
  std::deque<config::Value> values_;
  std::deque<config::Variable> variables_;
  std::deque<VariableOverride> overrides_;
  std::unordered_set<const config::Variable*> undeclared_;
  /// By name and place, and value.
  std::map<std::pair<std::string, std::string>, const config::Variable*> known_variables_;
  std::map<std::pair<std::string, std::string>, const VariableOverride*> known_overrides_;
};

}  // namespace dstack::plan

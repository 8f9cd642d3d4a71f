// Conditions on rows of a table: `lr<0.1 and status=done and val_acc is not undefined`.
//
//   condition  := all ("or" all)*
//   all        := one ("and" one)*
//   one        := "not" one | "(" condition ")" | comparison
//   comparison := name ("=" | "==" | "!=" | "<" | "<=" | ">" | ">=") value
//               | name "~" value                           its text contains it
//               | name "is" ["not"] "undefined"
//   name, value := a word, or a text in '…' or "…"
#pragma once

#include "dstack/base/error.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace dstack::query {

/// What a row has under a name: nothing, a number, or a text. A text that is a number counts as
/// one.
using Value = std::variant<std::monostate, double, std::string>;

/// A number; nothing for a text that is none.
std::optional<double> number_of(const Value& value);

class Filter {
 public:
  /// usage: it is no condition, with the place.
  static Result<Filter> parse(const std::string& text);

  /// An error for each name that `is_known` refuses, at its place, which suggests one of `known`.
  Result<void> check_names(const std::function<bool(const std::string& name)>& is_known,
                           const std::vector<std::string>& known) const;

  /// Numbers are compared as numbers, durations (`90s`, `1h30m`) as seconds, else as texts, of
  /// which none is less than another. What is undefined, or NaN, meets no condition but `is
  /// undefined`, which NaN does not meet either.
  bool matches(const std::function<Value(const std::string& name)>& value_of) const;

 private:
  struct Node;

  std::shared_ptr<const Node> root_;

  friend class Parser;
};

}  // namespace dstack::query

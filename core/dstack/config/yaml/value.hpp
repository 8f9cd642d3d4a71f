// The content of a YAML file, with the place of every value. A plain tree: no behaviour, no
// library.
#pragma once

#include "dstack/base/error.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dstack::config {

enum class ValueKind { null, scalar, sequence, mapping };

struct Member;

/// Scalars keep their text: `3.10` stays "3.10", `yes` stays "yes". What type it is, the property's
/// declaration decides (provider/properties.hpp). Anchors, aliases and merge keys are expanded
/// already.
struct Value {
  ValueKind kind = ValueKind::null;
  std::string text;     ///< of a scalar
  bool quoted = false;  ///< the scalar stood in quotes or in a block, so `""` and `"null"` are
                        ///< texts, not null
  bool joined = false;  ///< the scalar's lines, without quotes, were joined with blanks, although
                        ///< they do not look like one line that goes on (misread.hpp)
  SourceLocation where;
  std::vector<Value> elements;  ///< of a sequence
  std::vector<Member> members;  ///< of a mapping, in the order of the file

  /// The member's value, or null. Linear; our mappings are short.
  const Value* find(std::string_view key) const;
};

struct Member {
  std::string key;
  SourceLocation key_where;
  Value value;
};

/// "a text", "a list", "a map" or "null": for messages.
std::string_view describe(const Value& value);

Value make_scalar(std::string text, SourceLocation where);
Value make_sequence(std::vector<Value> elements, SourceLocation where);
Value make_mapping(SourceLocation where);

}  // namespace dstack::config

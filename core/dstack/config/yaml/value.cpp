#include "dstack/config/yaml/value.hpp"

#include <utility>

namespace dstack::config {

const Value* Value::find(std::string_view key) const {
  for (const Member& member : members)
    if (member.key == key)
      return &member.value;
  return nullptr;
}

std::string_view describe(const Value& value) {
  switch (value.kind) {
    case ValueKind::null:
      return "null";
    case ValueKind::scalar:
      return "a text";
    case ValueKind::sequence:
      return "a list";
    case ValueKind::mapping:
      return "a map";
  }
  return "null";
}

Value make_scalar(std::string text, SourceLocation where) {
  Value value;
  value.kind = ValueKind::scalar;
  value.text = std::move(text);
  value.where = std::move(where);
  return value;
}

Value make_sequence(std::vector<Value> elements, SourceLocation where) {
  Value value;
  value.kind = ValueKind::sequence;
  value.elements = std::move(elements);
  value.where = std::move(where);
  return value;
}

Value make_mapping(SourceLocation where) {
  Value value;
  value.kind = ValueKind::mapping;
  value.where = std::move(where);
  return value;
}

}  // namespace dstack::config

// Whether two values of YAML are the same, with their places.
#pragma once

#include "dstack/config/yaml/value.hpp"

#include <algorithm>

namespace dstack::test {

inline bool is_same(const SourceLocation& a, const SourceLocation& b) {
  return a.line == b.line && a.column == b.column && a.length == b.length;
}

inline bool is_same(const config::Value& a, const config::Value& b) {
  const auto same_member = [](const config::Member& x, const config::Member& y) {
    return x.key == y.key && is_same(x.key_where, y.key_where) && is_same(x.value, y.value);
  };
  return a.kind == b.kind && a.text == b.text && a.quoted == b.quoted && a.joined == b.joined &&
         is_same(a.where, b.where) &&
         std::equal(a.elements.begin(),
                    a.elements.end(),
                    b.elements.begin(),
                    b.elements.end(),
                    [](const auto& x, const auto& y) { return is_same(x, y); }) &&
         std::equal(
             a.members.begin(), a.members.end(), b.members.begin(), b.members.end(), same_member);
}

}  // namespace dstack::test

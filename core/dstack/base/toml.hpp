// TOML text to a plain tree, with the place of every value, for files of other tools such as
// pyproject.toml. Nothing is ever written. toml.cpp is the only user of toml++.
#pragma once

#include "dstack/base/error.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace dstack {

/// A lock of a project with thousands of packages has 5 MiB.
inline constexpr std::size_t largest_toml = 32u << 20;

enum class TomlKind { text, number, boolean, date, list, table };

struct TomlMember;

struct TomlValue {
  TomlKind kind = TomlKind::table;
  std::string text;  ///< of a text; "true" or "false"; a number in digits; of a date nothing
  SourceLocation where;
  std::vector<TomlValue> elements;  ///< of a list
  std::vector<TomlMember> members;  ///< of a table, in the order of the file

  /// A member of a table, or null. find({"project", "dependencies"}) goes down two tables.
  const TomlValue* find(std::string_view key) const;
  const TomlValue* find(std::initializer_list<std::string_view> keys) const;
};

struct TomlMember {
  std::string key;
  SourceLocation key_where;
  TomlValue value;
};

/// "a text", "a list", "a table" …: for messages.
std::string_view describe(const TomlValue& value);

/// The whole text as a table. `name` is the file's in messages: a path from the project's root.
/// Every error has its place. A byte order mark is not part of the text. Never throws, and takes a
/// stack of bounded size.
Result<TomlValue> parse_toml(std::string_view text, std::string name);

}  // namespace dstack

#include "dstack/plan/variable_origin.hpp"

#include <array>
#include <utility>

namespace dstack::plan {

namespace {

using Kind = VariableOrigin::Kind;

constexpr std::string_view env_file_mark = "env_file ";

constexpr std::array<std::pair<Kind, std::string_view>, 5> kind_names{{
    {Kind::base, "base"},
    {Kind::provider, "provider"},
    {Kind::command_line, "command line"},
    {Kind::dstack, "dstack"},
    {Kind::secret, "secret"},
}};

}  // namespace

VariableOrigin VariableOrigin::at(const SourceLocation& where) {
  return {
      Kind::file,
      (where.source ? where.source->name : std::string("?")) + ":" + std::to_string(where.line)};
}

std::string render(const VariableOrigin& origin) {
  for (const auto& [kind, name] : kind_names)
    if (kind == origin.kind)
      return std::string(name);
  return origin.kind == Kind::env_file ? std::string(env_file_mark) + origin.place : origin.place;
}

VariableOrigin parse_variable_origin(std::string_view text) {
  for (const auto& [kind, name] : kind_names)
    if (name == text)
      return {kind, {}};
  if (text.starts_with(env_file_mark))
    return {Kind::env_file, std::string(text.substr(env_file_mark.size()))};
  return {Kind::file, std::string(text)};
}

}  // namespace dstack::plan

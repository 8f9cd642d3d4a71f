// TOML of other tools.
#include "dstack/base/toml.hpp"

#include "fuzz.hpp"

using namespace dstack;
using namespace dstack::fuzz;

namespace {

void check_places(const TomlValue& value) {
  require(value.where.line >= 1 && value.where.column >= 1, "a value has a place");
  require(value.where.source != nullptr, "a place has a text");
  for (const TomlValue& element : value.elements)
    check_places(element);
  for (const TomlMember& member : value.members) {
    require(value.find(member.key) == &member.value, "a member is found by its key");
    check_places(member.value);
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = parse_toml(text_of(data, size), "input.toml");
  if (parsed)
    check_places(*parsed);
  else
    require(!render(parsed.error()).empty(), "an error can be shown");
  return 0;
}

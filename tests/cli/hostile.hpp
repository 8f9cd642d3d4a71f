// Arbitrary texts as they may be in the files of a project.
#pragma once

#include "dstack/base/json.hpp"

#include <string>

namespace dstack::test {

/// A value in YAML's flow style, its texts in double quotes: as JSON has it, but for the one
/// control character that JSON leaves as it is.
inline std::string in_yaml(const Json& value) {
  std::string text = render_json(value);
  for (std::size_t at = text.find('\x7f'); at != std::string::npos; at = text.find('\x7f', at))
    text.replace(at, 1, "\\x7f");
  return text;
}

}  // namespace dstack::test

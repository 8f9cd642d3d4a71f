// YAML text to Values. Sits on yaml-cpp's event interface, because its node tree hides duplicate
// keys, and catches what yaml-cpp 0.7 lets pass: unclosed quotes, bad UTF-8, second documents,
// alias bombs, depth. yaml.cpp is the only user of yaml-cpp. Simple texts are read without it
// (simple_yaml.hpp).
#pragma once

#include "dstack/config/yaml/value.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace dstack::config {

/// Ten thousand workflows in one file have 0.9 MiB, 130,000 values and 60,000 brackets and commas.
/// Twice that is read; what takes more time and memory is refused.
struct YamlLimits {
  std::size_t bytes = 2u << 20;  ///< of the file
  std::size_t depth = 64;        ///< of nesting
  std::size_t nodes = 250'000;   ///< after expansion of aliases; keys count, too
  std::size_t text = 16u << 20;  ///< bytes of all scalars, after expansion of aliases
  std::size_t signs = 150'000;   ///< brackets and commas: yaml-cpp looks ahead over all of a list
  std::size_t errors = 1'000;    ///< that are reported
};

/// A text that could be read, with what is wrong in it all the same. Of a duplicate key, the first
/// counts.
struct ParsedYaml {
  Value root;
  std::vector<Error> errors;  ///< in the order of the file
};

/// Both give the same for every text; the tests compare them.
enum class YamlReader {
  fastest,  ///< a reader of our own where the text is simple, else the parser
  parser,   ///< yaml-cpp
};

/// An empty file is a null Value. Fails only where nothing more can be said of the text: bad UTF-8,
/// YAML syntax, a limit passed. A byte order mark is not part of the text: places do not count it.
Result<ParsedYaml> read_yaml(std::shared_ptr<const SourceText> source,
                             const YamlLimits& limits = {},
                             YamlReader reader = YamlReader::fastest);

}  // namespace dstack::config

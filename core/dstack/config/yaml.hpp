// YAML text to Values. Sits on yaml-cpp's event interface, because its node tree hides duplicate
// keys, and catches what yaml-cpp 0.7 lets pass: unclosed quotes, bad UTF-8, second documents,
// alias bombs, depth. yaml.cpp is the only user of yaml-cpp.
#pragma once

#include "dstack/config/value.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace dstack::config {

struct YamlLimits {
  std::size_t bytes = 4u << 20;   ///< of the file
  std::size_t depth = 64;         ///< of nesting
  std::size_t nodes = 1'000'000;  ///< after expansion of aliases; keys count, too
  std::size_t text = 64u << 20;   ///< bytes of all scalars, after expansion of aliases
};

/// A text that could be read, with what is wrong in it all the same. Of a key given twice, the
/// first stands.
struct ParsedYaml {
  Value root;
  std::vector<Error> errors;  ///< in the order of the file
};

/// Fails only where nothing more can be said of the text: bad UTF-8, YAML syntax, a limit passed. A
/// byte order mark is no part of the text: places do not count it.
Result<ParsedYaml> read_yaml(std::shared_ptr<const SourceText> source,
                             const YamlLimits& limits = {});

/// An empty file is a null Value. After a syntax error nothing more can be said of the file; every
/// other error (duplicate keys, …) is reported together with the rest, in the order of the file.
Result<Value> parse_yaml(std::shared_ptr<const SourceText> source, const YamlLimits& limits = {});

}  // namespace dstack::config

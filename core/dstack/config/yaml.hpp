// YAML text to Values. Sits on yaml-cpp's event interface, because its node tree hides duplicate keys, and catches
// what yaml-cpp 0.7 lets pass: unclosed quotes, bad UTF-8, second documents, alias bombs, depth.
// yaml.cpp is the only user of yaml-cpp.
#pragma once

#include <cstddef>
#include <memory>

#include "dstack/config/value.hpp"

namespace dstack::config {

struct YamlLimits {
  std::size_t bytes = 4u << 20;   ///< of the file
  std::size_t depth = 64;         ///< of nesting
  std::size_t nodes = 1'000'000;  ///< after expansion of aliases
};

/// An empty file is a null Value. After a syntax error nothing more can be said of the file; every other error
/// (duplicate keys, …) is reported together with the rest, in the order of the file.
Result<Value> parse_yaml(std::shared_ptr<const SourceText> source, const YamlLimits& limits = {});

}  // namespace dstack::config

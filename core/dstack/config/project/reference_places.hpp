// Where in a file the references of its scalars are written.
#pragma once

#include "dstack/base/error.hpp"

#include <cstddef>
#include <string_view>

namespace dstack::config {

class ReferencePlaces {
 public:
  /// The place of what the `index`-th `${{` of a scalar names. The scalar's text may differ from
  /// what is written (escapes, folding), but its references are in the same order. A text full of
  /// references soon gets the scalar's own place: finding each means going through its line.
  SourceLocation of(const SourceLocation& scalar, std::size_t index, std::string_view name);

 private:
  std::size_t patience_ = std::size_t{16} << 20U;  ///< bytes that may still be scanned
};

}  // namespace dstack::config

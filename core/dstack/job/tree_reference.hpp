// The name of a folder's content in the object store (store/objects/objects.hpp).
#pragma once

#include "dstack/base/json.hpp"
#include "dstack/base/sha256.hpp"

#include <cstdint>

namespace dstack::job {

/// A tree together with the times of one use of it.
struct TreeReference {
  Digest tree;
  Digest times;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;

  bool operator==(const TreeReference&) const = default;
};

Json tree_to_json(const TreeReference& tree);
Result<TreeReference> tree_from_json(const Json& json);

}  // namespace dstack::job

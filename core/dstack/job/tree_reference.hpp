// The name of a folder's content in the object store (store/objects/objects.hpp).
#pragma once

#include "dstack/base/json.hpp"
#include "dstack/base/sha256.hpp"

#include <cstdint>

namespace dstack {

/// As text: its hexadecimal digits.
void to_json(Json& json, const Digest& digest);
void from_json(const Json& json, Digest& digest);

}  // namespace dstack

namespace dstack::job {

/// A tree together with the times of one use of it.
struct TreeReference {
  Digest tree;
  Digest times;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;

  bool operator==(const TreeReference&) const = default;
};

/// As a list of the four.
void to_json(Json& json, const TreeReference& tree);
void from_json(const Json& json, TreeReference& tree);

}  // namespace dstack::job

// What lies in an object store, by its content.
#pragma once

#include "dstack/store/objects/objects.hpp"

namespace dstack::store {

inline bool has_blob(const ObjectStore& objects, const Digest& blob) {
  return bool(objects.read_blob(blob));
}

}  // namespace dstack::store

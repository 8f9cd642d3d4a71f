#include "dstack/sweep/combination.hpp"

namespace dstack::sweep {

const std::string* value_of(const Combination& combination, const std::string& key) {
  for (const auto& [name, value] : combination)
    if (name == key)
      return &value;
  return nullptr;
}

}  // namespace dstack::sweep

// Rules of .gitignore and .dstackignore as a snapshot has them, whatever a job has made of them
// since. Internal to source/.
#pragma once

#include "dstack/source/ignore.hpp"
#include "dstack/store/objects/objects.hpp"

#include <initializer_list>
#include <string_view>
#include <vector>

namespace dstack::source {

/// Adds those of all files of these names, in this order. `code` is sorted by path.
Result<void> add_rules_of(const std::vector<store::TreeFile>& code,
                          std::initializer_list<std::string_view> names,
                          const store::ObjectStore& objects,
                          IgnoreRules& rules);

}  // namespace dstack::source

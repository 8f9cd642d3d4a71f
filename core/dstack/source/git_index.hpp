// Reading Git's index: which files are tracked. Internal to source/.
#pragma once

#include "dstack/source/git_list.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::source {

/// The tracked files below `prefix` ("" or "folder/"), with paths from there. Of an index in
/// versions 2 to 4 with all of its entries. Nothing where it is damaged, or where a part of it is
/// in another file or stands for a whole folder (a split or a sparse index): Git has to read it.
/// `digest_size`: bytes of an object's name in this repository.
std::optional<std::vector<Candidate>> parse_git_index(std::string_view index,
                                                      std::size_t digest_size,
                                                      std::string_view prefix);

}  // namespace dstack::source

// What a folder holds, as a value: for folders that are on no disk in one piece.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/files/matches.hpp"

#include <functional>
#include <string>
#include <vector>

namespace dstack::files {

struct Listing {
  /// Files, links and folders, without the root; sorted by path, as bytes.
  std::vector<FoundFile> entries;
  /// Where its owner saw it: a link to there leads into it.
  Path seen_at;
  /// Where a link leads.
  std::function<Result<std::string>(const FoundFile& link)> target;

  /// Null: nothing is there.
  const FoundFile* find(std::string_view path) const;
};

/// As the function of the same name for a folder on disk.
Result<std::vector<Match>> find_matches(const Listing& listing, const std::string& path);

}  // namespace dstack::files

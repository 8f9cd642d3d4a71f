// What a file or link holds, without storing it. Internal to source/.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/sha256.hpp"
#include "dstack/files/entry.hpp"

#include <string>

namespace dstack::source {

/// Of what `path` below the folder `root` is, a file or a link: the name of its content in the
/// store. An error with errno in it where it cannot be read, or has become something else.
Result<Digest> digest_of(int root, const std::string& path, files::EntryType type);

}  // namespace dstack::source

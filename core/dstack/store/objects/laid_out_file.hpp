// Single files of a folder that a tree is laid out into. Internal to store/objects.
#pragma once

#include "dstack/store/objects/objects.hpp"

#include <cstdint>
#include <string>

#include <time.h>

namespace dstack::store {

/// Access and modification time both: nothing has read the file yet.
struct Times {
  explicit Times(std::int64_t modified);

  timespec values[2];
};

/// The object itself under a second name. An object's time means nothing as long as it has no
/// other name. False: it is to be copied, because the file has one time; also when it has as many
/// names as the file system allows.
bool link_object(int object, int folder, const std::string& name, std::int64_t modified);

/// Whether what is there in the open `folder` is this file, by its own hash, or this link.
bool is_same_file(int folder, const std::string& name, const TreeEntry& entry);
bool is_same_link(int folder, const std::string& name, const std::string& target);

}  // namespace dstack::store

// What kind of file system a folder is on.
#pragma once

#include "dstack/base/file.hpp"

#include <string>
#include <string_view>

namespace dstack::cli {

/// "ext4", "nfs", …
std::string file_system_name(const Path& path);
/// Of such a name.
bool is_on_network(std::string_view file_system);

}  // namespace dstack::cli

// Reading a configuration file of Git's, as text: nothing of it takes effect by that. Files that it
// includes are not read. Internal to source/.
#pragma once

#include "dstack/base/error.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dstack::source {

struct GitSetting {
  std::string key;    ///< "core.filemode", "remote.My Fork.url": only the middle keeps its case
  std::string value;  ///< "true" for a key without one
};

/// In the order of the file. `name` is the file's, for the error.
Result<std::vector<GitSetting>> parse_git_config(std::string_view text, const std::string& name);

/// The last value of a key; nullptr when it has none.
const std::string* find_setting(const std::vector<GitSetting>& settings, std::string_view key);
/// As Git reads it: "yes", "on", "true", and numbers but 0.
bool is_true(const std::string* value);

/// One that parse_git_config() reads back.
std::string render_git_setting(const GitSetting& setting);

}  // namespace dstack::source

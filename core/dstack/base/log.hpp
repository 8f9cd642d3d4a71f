// The log of dstack itself, for debugging; output for users is written by cli/. Off unless a level
// is set; `-v` sends it to standard error, a supervisor writes it beside its run. The only user of
// spdlog.
#pragma once

#include <string>
#include <string_view>

namespace dstack::log {

enum class Level { off, warning, info, debug };

/// From now on messages up to `level` go to standard error, or are appended to `file` when one is
/// given. Not to be called from two threads at once.
void start(Level level, const std::string& file = {});
void warning(std::string_view message);
void info(std::string_view message);
void debug(std::string_view message);

}  // namespace dstack::log

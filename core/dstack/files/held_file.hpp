// A file that its maker holds a lock on for as long as it lives: one whose lock is free was left by
// a process that died. Internal to files/, run/ and store/.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"

#include <string_view>

namespace dstack::files {

/// Of what a process relies on in the store (store/objects/pins.hpp).
inline constexpr std::string_view pins_prefix = "pins-";

struct HeldFile {
  Path path;
  Fd file;  ///< open for reading and writing
};

/// A new file in this folder, for its owner alone, whose name begins with `prefix`. An error also
/// where it cannot be locked: then nobody could tell whether it is abandoned.
Result<HeldFile> make_held_file(const Path& folder, std::string_view prefix);

/// The file, locked, when its maker died; empty when it lives, or the file has gone meanwhile.
Fd take_abandoned_file(const Path& path);

/// Whether an open file or folder is the one of that name, and not one that was there before.
bool is_same_file(int open, const Path& path);

}  // namespace dstack::files

// The key of a vault, in a file of its own beside it: `key-<id>`, three lines: what it is, the key,
// and a checksum that distinguishes a damaged key from a damaged vault. Internal to this folder.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/secrets/crypto.hpp"

#include <string>

namespace dstack::secrets {

struct Key {
  std::string id;  ///< 16 hexadecimal digits; says nothing about the key
  KeyBytes bytes;
};

/// The file or folder is the user's, not a link, and not readable by others; else an error that
/// names the command that fixes it. not_found when there is nothing.
Result<void> check_private(const Path& path);
Path key_file(const Path& folder, const std::string& id);
/// In memory alone.
Key new_key();
/// It survives a power cut when the call returns.
Result<void> write_key(const Path& folder, const Key& key);
/// ErrorCode::not_found when there is none of that id.
Result<Key> read_key(const Path& folder, const std::string& id);
/// Whether there is any key, whole or not.
bool has_keys(const Path& folder);
/// Removes every key but this one: those that a rotation has replaced.
void remove_other_keys(const Path& folder, const std::string& id);

}  // namespace dstack::secrets

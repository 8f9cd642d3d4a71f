// The vault: a user's secrets on disk, each for one project or for all of them. The only place that
// reads and writes them. Folder $DSTACK_HOME/secrets (mode 0700), whose files are the user's alone
// (0600) and are refused when they are not:
//
//   vault      JSON, then the line `seal <64 digits>`. The JSON is
//              {"format": 1, "key": ID, "secrets": [{"project", "name", "changed", "sealed"}, …]}:
//              `project` is a real path, empty for a secret of the user; `changed` is in
//              milliseconds since 1970; `sealed` holds nonce, ciphertext and tag (XChaCha20-
//              Poly1305) in hexadecimal. The key's id, project, name and time are bound to it, so
//              no record can replace another. `seal` signs the whole JSON (BLAKE2b
//              under another key derived from the same): a record that is missing is noticed, too.
//   key-ID     the key (key.hpp). The vault names its key, so that a rotation is one rename: the
//              new key is there before, and the old one goes after. The first key comes after an
//              empty vault: a key without a vault is a vault that was lost.
//   lock       held during a change
//
// An older copy of both files cannot be distinguished from the newest. Names, projects and times
// are not encrypted.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/base/time.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dstack::secrets {

/// What is known of a secret without its value.
struct SecretName {
  std::string project;  ///< real path; empty: of the user, for every project
  std::string name;
  Timestamp changed{};

  bool operator==(const SecretName&) const = default;
};

/// A variable of the environment has room for little more than this (MAX_ARG_STRLEN).
inline constexpr std::size_t longest_value = 64 * 1024;

/// What keeps a text from being the value of a secret; empty: nothing.
std::string why_no_value(std::string_view value);

/// The vault as it was when it was opened: a value that any thread may read.
class Vault {
 public:
  /// `folder`: `$DSTACK_HOME/secrets`; nothing there is a vault without secrets. Everything is
  /// checked but the values are not decrypted yet. Errors (ErrorCode::unavailable) name the damage,
  /// the file, and the secret where one can be named.
  static Result<Vault> open(const Path& folder);

  /// Sorted by project, then name.
  const std::vector<SecretName>& names() const { return names_; }

  /// Those that a job of a project has, sorted by name: its own, and the user's that it does not
  /// hide.
  std::vector<SecretName> names_for(std::string_view project) const;
  /// The value; of the project, else of the user; nothing when neither has it. To be wiped after.
  Result<std::optional<std::string>> find(std::string_view project, std::string_view name) const;

 private:
  friend class Change;

  Path folder_;
  std::string key_id_;
  std::vector<SecretName> names_;
  std::vector<std::string> sealed_;  ///< by name
};

enum class Replace { no, yes };

struct NewSecret {
  std::string name;
  std::string_view value;
};

/// Adds or replaces a secret. conflict: it is there, and must not be replaced; usage: the value
/// cannot be one.
Result<void> add(const Path& folder,
                 const std::string& project,
                 const std::string& name,
                 std::string_view value,
                 Replace replace);
/// The same for many at once: all of them, or nothing.
Result<void> add(const Path& folder,
                 const std::string& project,
                 const std::vector<NewSecret>& secrets,
                 Replace replace);
/// not_found: there is no such secret.
Result<void> remove(const Path& folder, const std::string& project, const std::string& name);
/// Makes a new key and encrypts everything anew; returns how many. All of it or nothing, whatever
/// happens meanwhile.
Result<std::size_t> rotate(const Path& folder);

}  // namespace dstack::secrets

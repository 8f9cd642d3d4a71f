// Files on their way into folders of the user's, such as that of a download: each is written under
// a name of ours beside its place, and renamed. Which folders have such a draft is on record in the
// home before it is made, so that those of a process that died are found and removed
// (files/abandoned.hpp). A draft is never code, nor part of an artifact.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/files/home.hpp"

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>

namespace dstack::files {

/// Whether this is the name of a draft: ".dstack-" and 16 hexadecimal digits.
bool is_draft(std::string_view name);

/// The drafts of one command. For any thread.
class Drafts {
 public:
  /// A home that cannot be written has no record of them.
  explicit Drafts(const Home& home);
  Drafts(Drafts&&) noexcept;
  Drafts& operator=(Drafts&&) = delete;
  /// Their record goes: by then each of them is in its place, or removed.
  ~Drafts();

  /// The name of another draft in this folder, an absolute path.
  std::string name_in(const Path& folder);

 private:
  std::string begin_;  ///< of the names of all of them
  std::mutex mutex_;
  std::uint16_t count_ = 0;
  Path file_;  ///< the record; empty: there is none
  Fd record_;
  std::unordered_set<std::string> folders_;
};

/// Removes the drafts on a record whose maker died, and the record. Nothing where he lives.
void remove_abandoned_drafts(const Path& record);

/// How records are named in the home's tmp/.
inline constexpr std::string_view drafts_prefix = "held-drafts-";

}  // namespace dstack::files

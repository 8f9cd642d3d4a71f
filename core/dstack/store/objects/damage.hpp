// Objects that are not what their names say. Whoever finds one moves it aside, so that nobody is
// given it again, and the next capture of the same content, which only looks whether an object is
// there, stores it anew. Internal to store/.
//
//   damaged/<digest>          what was found in place of a blob; with .x, .tree, .t: of its kind
//   damaged/<digest>.packed   empty: of a blob in a pack, which stays there. It counts as missing
//   damaged/<digest>….missing empty: of an object that was not there
//
// The folder stays when it was emptied: its time says when something was found last.
#pragma once

#include "dstack/base/error.hpp"
#include "dstack/files/home.hpp"
#include "dstack/store/objects/tree_text.hpp"

#include <cstdint>

namespace dstack::store {

/// What is known to be wrong with the objects of a store. For any thread and process.
class Damage {
 public:
  /// `home` must outlive it.
  explicit Damage(const files::Home& home) : home_(home) {}

  /// ErrorCode::damaged for the object that was read from the open `file`, which is moved aside,
  /// unless it has been replaced by now. `how` completes "it …".
  Failure found(Kind kind, const Digest& digest, int file, std::string_view how) const;
  /// The same of one in a pack.
  Failure found_in_pack(const Digest& digest) const;
  /// The same of one that is not there.
  Failure found_missing(Kind kind, const Digest& digest) const;

  /// Whether it was found damaged, and has not been looked after since.
  bool is_aside(Kind kind, const Digest& digest) const;
  /// What a pack has of it is not to be used.
  bool is_in_pack(const Digest& digest) const;
  /// Changes with each finding; 0: there was none. What was concluded from the store's objects
  /// before, such as what they were laid out to, holds as long as it stays the same.
  std::int64_t stamp() const;

  /// Changes it. `name`: of an empty file that is left in the folder; empty: none.
  void note(const std::string& name) const;

  Path folder() const { return home_.root / "damaged"; }

 private:
  const files::Home& home_;
};

}  // namespace dstack::store

// A little room of the disk that is kept back in the home, for what has to work when the disk is
// full: ending and removing runs, and recording how one ended. A file of its own
// ($DSTACK_HOME/reserve), which is given up then, and made again as soon as there is room.
#pragma once

#include "dstack/base/error.hpp"
#include "dstack/files/home.hpp"

#include <cstdint>

namespace dstack::files {

/// Bytes that the reserve has where there is room for them. Enough for a few transactions of the
/// database, whose log grows by about a megabyte before it is written over.
inline constexpr std::uint64_t full_reserve = 2 * 1024 * 1024;

/// Makes the reserve where there is none, as large as there is room for. That it cannot be made is
/// no error: whoever needs it then finds none. Costs a look at its name when it is there.
void keep_reserve(const Home& home);

/// Whether a disk that was full has room again: more than a reserve that was given up for something
/// else. True where nobody can tell.
bool has_room_again(const Path& folder);

/// The right to use the reserve, for the part of a command that must work on a full disk. Costs
/// nothing until the disk is full. For one thread; any number of processes may have one.
class ReserveUse {
 public:
  /// `home` must outlive it.
  explicit ReserveUse(const Home& home) : home_(home) {}

  ReserveUse(const ReserveUse&) = delete;
  ReserveUse& operator=(const ReserveUse&) = delete;

  /// Makes the reserve again if it was given up, of what room there is now.
  ~ReserveUse();

  /// Does `work`, a function that returns a Result; once more with the room of the reserve if it
  /// failed because the disk is full. So it must be one that may be begun anew, as a transaction.
  template <typename Work>
  auto run(Work&& work) -> decltype(work()) {
    auto result = work();
    if (result || !is_disk_full(result.error()) || !give_up())
      return result;
    return work();
  }

 private:
  /// False when this object has given it up before.
  bool give_up();

  const Home& home_;
  bool is_given_up_ = false;
};

}  // namespace dstack::files

// A request for a part of the machine, and then the right to it, among all runs of a home on this
// machine. It lives as long as a process holds a copy of its lease, and not an instant longer:
// however the processes end, nothing stays reserved, and whoever waits hears of it at once.
//
// The lease is the reading end of a FIFO: it can be opened for writing only while somebody has
// it, and whoever has opened it so is told by the kernel when the last one lets go. The ledger
// stands in a file beside the FIFOs, which changes under a lock; each change strikes out the dead.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/resources/ledger.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dstack::resources {

/// Where the claims of this machine are kept in a home.
Path leases_folder(const Path& home);

/// For one thread.
class Lease {
 public:
  /// Enters a request, `entry` without number and grant, and looks whether it can be granted.
  static Result<Lease> make(const Path& folder, Entry entry, Capacity capacity);
  /// Takes part in what somebody else was granted for this run and job, who may end then; nothing
  /// when nobody that lives has it.
  static Result<std::optional<Lease>> join(const Path& folder,
                                           const std::string& run,
                                           std::size_t job);

  Lease(Lease&&) noexcept = default;
  Lease& operator=(Lease&&) noexcept = default;

  const std::optional<GrantedGpus>& granted() const { return entry_.granted; }

  /// Why it is not; empty when it is.
  const std::string& reason() const { return reason_; }

  /// Looks again, when something of events() has happened.
  Result<void> retry();

  /// While it waits: descriptors on which poll(2) tells an error, asked for or not, once something
  /// has become free, or another that waited has been granted.
  std::vector<int> events() const;

  /// Of a granted one, when all is over that used it: nothing is left to be looked after, as it
  /// might be where all who had its lease were killed.
  Result<void> release();

  /// Of a granted one, to be handed to the processes that shall keep it alive. Close-on-exec.
  int fifo() const { return fifo_.get(); }

 private:
  Lease(Path folder, Capacity capacity) : folder_(std::move(folder)), capacity_(capacity) {}

  Path folder_;
  Capacity capacity_;
  Entry entry_;
  Fd fifo_;
  std::string reason_;
  std::map<std::uint64_t, Fd> others_;  ///< while it waits: the writing ends of their leases
};

/// What is reserved and who waits, now. Changes nothing.
Ledger read_leases(const Path& folder);
/// What was granted to those who were killed before they gave it back, and was not yet given to
/// anybody else. Changes nothing.
std::vector<Entry> orphaned_leases(const Path& folder);

}  // namespace dstack::resources

// A request for resources of the machine, and once granted the right to them, among all runs of a
// home on this machine. It lasts as long as a process holds its descriptor: however the processes
// end, nothing stays reserved, and those that wait are woken at once.
//
// The descriptor is the reading end of a FIFO. The FIFO can be opened for writing only while a
// reader exists, and the kernel wakes the writers when the last reader closes it. The ledger is a
// file beside the FIFOs, changed under a lock; each change removes the entries of dead holders.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/resources/ledger.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dstack::resources {

/// The folder for the leases of this machine in a home.
Path leases_folder(const Path& home);

/// For one thread.
class Lease {
 public:
  /// Adds a request, `entry` without number and grant, and grants it if that is possible now.
  static Result<Lease> make(const Path& folder, Entry entry, Capacity capacity);
  /// Shares the lease that another process holds for this run and job, and that process may end
  /// then; nothing when no living process holds one.
  static Result<std::optional<Lease>> join(const Path& folder,
                                           const std::string& run,
                                           std::size_t job);

  Lease(Lease&&) noexcept = default;
  Lease& operator=(Lease&&) noexcept = default;

  const std::optional<GrantedGpus>& granted() const { return entry_.granted; }

  /// Why it is not granted; empty when it is.
  const std::string& reason() const { return reason_; }

  /// Tries again; to be called when one of events() has happened.
  Result<void> retry();

  /// While it waits: descriptors on which poll(2) reports an error, even with no events requested,
  /// when a lease ends or another waiting request is granted.
  std::vector<int> events() const;

  /// Of a granted one, when nothing uses it any more. A lease whose holders are all killed is in
  /// orphaned_leases() instead, until it is granted to another.
  Result<void> release();

  /// Of a granted one, to pass to processes that are to keep the lease. Close-on-exec.
  int descriptor() const { return fifo_.get(); }

 private:
  Lease(Path folder, Capacity capacity) : folder_(std::move(folder)), capacity_(capacity) {}

  Path folder_;
  Capacity capacity_;
  Entry entry_;
  Fd fifo_;
  std::string reason_;
  std::map<std::uint64_t, Fd> others_;  ///< while it waits: the writing ends of their FIFOs
};

/// The leases and waiting requests now. Changes nothing.
Ledger read_leases(const Path& folder);
/// Leases whose holders were killed before they released them, and that no other has been granted
/// since. Changes nothing.
std::vector<Entry> orphaned_leases(const Path& folder);

}  // namespace dstack::resources

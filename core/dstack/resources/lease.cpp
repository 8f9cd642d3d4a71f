#include "dstack/resources/lease.hpp"

#include "dstack/base/json_fields.hpp"
#include "dstack/process/identity.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::resources {

namespace {

Path fifo_path(const Path& folder, std::uint64_t number) {
  return folder / ("claim-" + std::to_string(number));
}

Path ledger_path(const Path& folder) {
  return folder / "ledger.json";
}

/// Empty when no process holds the reading end.
Fd open_other_end(const Path& folder, std::uint64_t number) {
  return Fd(
      ::open(fifo_path(folder, number).c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW));
}

/// Right after that failed; other errors say nothing about the holder.
bool is_dead() {
  return errno == ENXIO || errno == ENOENT;
}

bool is_dead(const Path& folder, std::uint64_t number) {
  return !open_other_end(folder, number) && is_dead();
}

Ledger read_ledger(const Path& folder) {
  const auto text = read_file(ledger_path(folder));
  const auto json = text ? parse_json(*text, "the ledger") : Result<Json>(Json());
  if (!json)
    return Ledger();
  // A ledger that cannot be read counts as empty.
  return from_json_value<Ledger>(*json, "the ledger").value_or(Ledger());
}

/// The ledger, locked against changes by others.
class LockedLedger {
 public:
  static Result<LockedLedger> open(const Path& folder) {
    DSTACK_CHECK(make_folders(folder));
    LockedLedger locked(folder);
    DSTACK_TRY(locked.lock_, open_file((folder / "lock").string(), O_RDWR | O_CREAT, 0600));
    DSTACK_TRY(const bool acquired, lock_exclusive(locked.lock_.get(), Wait::yes));
    (void)acquired;
    locked.ledger = read_ledger(folder);
    return locked;
  }

  /// Removes the entries of dead holders. Returns the writing ends of the others' FIFOs, without
  /// that of `self`.
  std::map<std::uint64_t, Fd> sweep(std::uint64_t self) {
    std::map<std::uint64_t, Fd> living;
    std::erase_if(ledger.entries, [&](const Entry& entry) {
      if (entry.number == self)
        return false;
      Fd other = open_other_end(folder_, entry.number);
      if (!other && is_dead()) {
        ::unlink(fifo_path(folder_, entry.number).c_str());
        return true;
      }
      if (other)
        living.emplace(entry.number, std::move(other));
      return false;
    });
    return living;
  }

  /// Adds or replaces an entry.
  void put(const Entry& entry) {
    auto& all = ledger.entries;
    auto at = std::find_if(
        all.begin(), all.end(), [&](const Entry& other) { return other.number >= entry.number; });
    if (at == all.end() || at->number != entry.number)
      at = all.insert(at, entry);
    *at = entry;
  }

  std::uint64_t next_number() const {
    std::uint64_t next = 1;
    for (const Entry& entry : ledger.entries)
      next = std::max(next, entry.number + 1);
    return next;
  }

  Result<void> write() const {
    return write_file_atomically(
        ledger_path(folder_), render_json(ledger) + "\n", Durable::no, 0600);
  }

  Ledger ledger;

 private:
  explicit LockedLedger(Path folder) : folder_(std::move(folder)) {}

  Path folder_;
  Fd lock_;
};

/// Replaces one that exists.
Result<Fd> make_fifo(const Path& folder, std::uint64_t number) {
  const Path path = fifo_path(folder, number);
  const Path fresh = path.string() + ".new";
  ::unlink(fresh.c_str());  // of a process that was killed here
  if (::mkfifo(fresh.c_str(), 0600) != 0)
    return fail_errno("cannot reserve resources in '{}'", folder.string());
  DSTACK_TRY(Fd fifo, open_file(fresh.string(), O_RDONLY | O_NONBLOCK));
  if (::rename(fresh.c_str(), path.c_str()) != 0)
    return fail_errno("cannot reserve resources in '{}'", folder.string());
  return fifo;
}

}  // namespace

Path leases_folder(const Path& home) {
  return home / "resources" / process::machine_id();
}

Result<Lease> Lease::make(const Path& folder, Entry entry, Capacity capacity) {
  Lease lease(folder, capacity);
  lease.entry_ = std::move(entry);
  DSTACK_TRY(LockedLedger locked, LockedLedger::open(folder));
  lease.others_ = locked.sweep(0);
  lease.entry_.number = locked.next_number();
  DSTACK_TRY(lease.fifo_, make_fifo(folder, lease.entry_.number));
  locked.put(lease.entry_);
  lease.entry_.granted = find_grant(locked.ledger, lease.entry_.number, capacity);
  if (lease.entry_.granted)
    lease.others_.clear();
  else
    lease.reason_ = explain_wait(locked.ledger, lease.entry_.number, capacity);
  locked.put(lease.entry_);
  DSTACK_CHECK(locked.write());
  return lease;
}

Result<std::optional<Lease>> Lease::join(const Path& folder,
                                         const std::string& run,
                                         std::size_t job) {
  DSTACK_TRY(LockedLedger locked, LockedLedger::open(folder));
  locked.sweep(0);
  for (const Entry& entry : locked.ledger.entries) {
    if (entry.run != run || entry.job != job || !entry.granted)
      continue;
    Lease lease(folder, {});
    lease.entry_ = entry;
    DSTACK_TRY(lease.fifo_,
               open_file(fifo_path(folder, entry.number).string(), O_RDONLY | O_NONBLOCK));
    return std::optional(std::move(lease));
  }
  return std::optional<Lease>();
}

Result<void> Lease::retry() {
  if (entry_.granted)
    return {};
  DSTACK_TRY(LockedLedger locked, LockedLedger::open(folder_));
  others_ = locked.sweep(entry_.number);
  locked.put(entry_);
  entry_.granted = find_grant(locked.ledger, entry_.number, capacity_);
  reason_ = entry_.granted ? "" : explain_wait(locked.ledger, entry_.number, capacity_);
  if (!entry_.granted)
    return {};
  others_.clear();
  locked.put(entry_);
  DSTACK_CHECK(locked.write());
  // Those that wait behind it see the reason change: replacing the FIFO that they watch wakes them.
  DSTACK_TRY(fifo_, make_fifo(folder_, entry_.number));
  return {};
}

Result<void> Lease::release() {
  DSTACK_TRY(LockedLedger locked, LockedLedger::open(folder_));
  std::erase_if(locked.ledger.entries,
                [&](const Entry& entry) { return entry.number == entry_.number; });
  DSTACK_CHECK(locked.write());
  ::unlink(fifo_path(folder_, entry_.number).c_str());
  fifo_.reset();
  return {};
}

std::vector<int> Lease::events() const {
  std::vector<int> all;
  for (const auto& [number, fd] : others_)
    all.push_back(fd.get());
  return all;
}

Ledger read_leases(const Path& folder) {
  Ledger ledger = read_ledger(folder);
  std::erase_if(ledger.entries, [&](const Entry& entry) { return is_dead(folder, entry.number); });
  return ledger;
}

std::vector<Entry> orphaned_leases(const Path& folder) {
  std::vector<Entry> entries = read_ledger(folder).entries;
  std::erase_if(entries, [&](const Entry& entry) {
    return !entry.granted || !is_dead(folder, entry.number);
  });
  return entries;
}

}  // namespace dstack::resources

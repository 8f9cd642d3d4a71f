#include "dstack/resources/claim.hpp"

#include "dstack/base/json_fields.hpp"
#include "dstack/process/identity.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::resources {

namespace {

Path lifeline_path(const Path& folder, std::uint64_t number) {
  return folder / ("claim-" + std::to_string(number));
}

Path ledger_path(const Path& folder) {
  return folder / "ledger.json";
}

/// Empty when nobody holds the other end.
Fd open_other_end(const Path& folder, std::uint64_t number) {
  return Fd(::open(lifeline_path(folder, number).c_str(),
                   O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW));
}

/// After that failed: not being able to look is not being dead.
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
  // A ledger that nobody can read is one of nobody.
  return from_json_value<Ledger>(*json, "the ledger").value_or(Ledger());
}

/// The ledger while nobody else changes it.
class Book {
 public:
  static Result<Book> open(const Path& folder) {
    DSTACK_CHECK(make_folders(folder));
    Book book(folder);
    DSTACK_TRY(book.lock_, open_file((folder / "lock").string(), O_RDWR | O_CREAT, 0600));
    DSTACK_TRY(const bool locked, lock_exclusive(book.lock_.get(), Wait::yes));
    (void)locked;
    book.ledger = read_ledger(folder);
    return book;
  }

  /// Strikes out the dead. The living beside `self` with the writing ends of their lifelines.
  std::map<std::uint64_t, Fd> sweep(std::uint64_t self) {
    std::map<std::uint64_t, Fd> living;
    std::erase_if(ledger.entries, [&](const Entry& entry) {
      if (entry.number == self)
        return false;
      Fd other = open_other_end(folder_, entry.number);
      if (!other && is_dead()) {
        ::unlink(lifeline_path(folder_, entry.number).c_str());
        return true;
      }
      if (other)
        living.emplace(entry.number, std::move(other));
      return false;
    });
    return living;
  }

  /// In place of what stood there of it, if it did.
  void enter(const Entry& entry) {
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
  explicit Book(Path folder) : folder_(std::move(folder)) {}

  Path folder_;
  Fd lock_;
};

/// In place of what stood there.
Result<Fd> make_lifeline(const Path& folder, std::uint64_t number) {
  const Path path = lifeline_path(folder, number);
  const Path fresh = path.string() + ".new";
  ::unlink(fresh.c_str());  // of one that was killed here
  if (::mkfifo(fresh.c_str(), 0600) != 0)
    return fail_errno("cannot reserve resources in '{}'", folder.string());
  DSTACK_TRY(Fd lifeline, open_file(fresh.string(), O_RDONLY | O_NONBLOCK));
  if (::rename(fresh.c_str(), path.c_str()) != 0)
    return fail_errno("cannot reserve resources in '{}'", folder.string());
  return lifeline;
}

}  // namespace

Path claims_folder(const Path& home) {
  return home / "resources" / process::machine_id();
}

Result<Claim> Claim::make(const Path& folder, Entry entry, Capacity capacity) {
  Claim claim(folder, capacity);
  claim.entry_ = std::move(entry);
  DSTACK_TRY(Book book, Book::open(folder));
  claim.others_ = book.sweep(0);
  claim.entry_.number = book.next_number();
  DSTACK_TRY(claim.lifeline_, make_lifeline(folder, claim.entry_.number));
  book.enter(claim.entry_);
  claim.entry_.granted = find_share(book.ledger, claim.entry_.number, capacity);
  if (claim.entry_.granted)
    claim.others_.clear();
  else
    claim.reason_ = explain_wait(book.ledger, claim.entry_.number, capacity);
  book.enter(claim.entry_);
  DSTACK_CHECK(book.write());
  return claim;
}

Result<std::optional<Claim>> Claim::join(const Path& folder,
                                         const std::string& run,
                                         std::size_t job) {
  DSTACK_TRY(Book book, Book::open(folder));
  book.sweep(0);
  for (const Entry& entry : book.ledger.entries) {
    if (entry.run != run || entry.job != job || !entry.granted)
      continue;
    Claim claim(folder, {});
    claim.entry_ = entry;
    DSTACK_TRY(claim.lifeline_,
               open_file(lifeline_path(folder, entry.number).string(), O_RDONLY | O_NONBLOCK));
    return std::optional(std::move(claim));
  }
  return std::optional<Claim>();
}

Result<void> Claim::look_again() {
  if (entry_.granted)
    return {};
  DSTACK_TRY(Book book, Book::open(folder_));
  others_ = book.sweep(entry_.number);
  book.enter(entry_);
  entry_.granted = find_share(book.ledger, entry_.number, capacity_);
  reason_ = entry_.granted ? "" : explain_wait(book.ledger, entry_.number, capacity_);
  if (!entry_.granted)
    return {};
  others_.clear();
  book.enter(entry_);
  DSTACK_CHECK(book.write());
  // Those who wait behind it were told so: the end of the lifeline that they watch wakes them.
  DSTACK_TRY(lifeline_, make_lifeline(folder_, entry_.number));
  return {};
}

Result<void> Claim::give_back() {
  DSTACK_TRY(Book book, Book::open(folder_));
  std::erase_if(book.ledger.entries,
                [&](const Entry& entry) { return entry.number == entry_.number; });
  DSTACK_CHECK(book.write());
  ::unlink(lifeline_path(folder_, entry_.number).c_str());
  lifeline_.reset();
  return {};
}

std::vector<int> Claim::events() const {
  std::vector<int> all;
  for (const auto& [number, fd] : others_)
    all.push_back(fd.get());
  return all;
}

Ledger read_claims(const Path& folder) {
  Ledger ledger = read_ledger(folder);
  std::erase_if(ledger.entries, [&](const Entry& entry) { return is_dead(folder, entry.number); });
  return ledger;
}

std::vector<Entry> bereaved_claims(const Path& folder) {
  std::vector<Entry> entries = read_ledger(folder).entries;
  std::erase_if(entries, [&](const Entry& entry) {
    return !entry.granted || !is_dead(folder, entry.number);
  });
  return entries;
}

}  // namespace dstack::resources

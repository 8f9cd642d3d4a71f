#include "dstack/store/objects/removal_lock.hpp"

#include <atomic>
#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::store {

namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t removing = 0;
constexpr std::size_t waited = 1;
constexpr std::size_t current = 2;

using Word = std::atomic_ref<std::uint64_t>;

std::uint64_t random_number() {
  std::uint64_t number = 0;
  while (number == 0)
    if (::getrandom(&number, sizeof number, 0) != sizeof number)
      number = static_cast<std::uint64_t>(::time(nullptr));
  return number;
}

void lock(int file, int how) {
  while (::flock(file, how) != 0 && errno == EINTR) {
  }
}

bool is_filled(int file) {
  struct stat status;
  return ::fstat(file, &status) == 0 && static_cast<std::size_t>(status.st_size) >= page;
}

/// All of it is written, so that the memory which it becomes never lacks space on the disk.
Result<void> fill(int file) {
  DSTACK_CHECK(lock_exclusive(file, Wait::yes));
  std::uint64_t words[page / sizeof(std::uint64_t)] = {};
  words[current] = random_number();
  Result<void> filled;
  if (!is_filled(file) && ::pwrite(file, words, page, 0) != static_cast<ssize_t>(page))
    filled = fail_errno("cannot write 'store.lock' of dstack's home");
  lock(file, LOCK_UN);
  return filled;
}

}  // namespace

Result<std::unique_ptr<RemovalLock>> RemovalLock::open(const files::Home& home) {
  DSTACK_TRY(Fd file, open_file(home.removal_lock().string(), O_RDWR | O_CREAT, 0600));
  if (!is_filled(file.get()))
    DSTACK_CHECK(fill(file.get()));
  void* const memory = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED)
    return fail_errno("cannot map '{}'", home.removal_lock().string());
  return std::unique_ptr<RemovalLock>(
      new RemovalLock(std::move(file), static_cast<std::uint64_t*>(memory)));
}

RemovalLock::~RemovalLock() {
  ::munmap(words_, page);
}

void RemovalLock::await_batch() {
  if (Word(words_[removing]).load() == 0)
    return;
  const std::lock_guard guard(mutex_);
  if (keeps_all_)
    return;
  Word(words_[waited]).fetch_add(1);
  lock(file_.get(), LOCK_SH);
  // Nobody removes anything now: who said so was killed.
  Word(words_[removing]).store(0);
  lock(file_.get(), LOCK_UN);
}

void RemovalLock::keep_all() {
  const std::lock_guard guard(mutex_);
  lock(file_.get(), LOCK_SH);
  keeps_all_ = true;
}

std::uint64_t RemovalLock::generation() const {
  return Word(words_[current]).load();
}

Result<void> RemovalLock::begin_batch() {
  DSTACK_CHECK(lock_exclusive(file_.get(), Wait::yes));
  Word(words_[removing]).store(1);
  return {};
}

void RemovalLock::end_batch() {
  Word(words_[removing]).store(0);
  lock(file_.get(), LOCK_UN);
}

Result<void> RemovalLock::begin_generation() {
  Word(words_[current]).store(random_number());
  if (::fdatasync(file_.get()) != 0)
    return fail_errno("cannot sync 'store.lock' of dstack's home");
  return {};
}

std::uint64_t RemovalLock::waits() const {
  return Word(words_[waited]).load();
}

}  // namespace dstack::store

#include "dstack/store/objects/pins.hpp"

#include "dstack/base/file.hpp"
#include "dstack/files/held_file.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::store {

namespace {

constexpr std::size_t words_of_entry = 1 + sizeof(Digest::bytes) / sizeof(std::uint64_t);
constexpr std::size_t entry_size = words_of_entry * sizeof(std::uint64_t);
constexpr std::size_t least_size = 4096;
constexpr std::size_t most_growth = 4 << 20;
constexpr int most_tries = 5;

using Word = std::atomic_ref<std::uint64_t>;

std::size_t next_size(std::size_t size) {
  return size == 0 ? least_size : size + std::min(size, most_growth);
}

/// With its space on the disk: memory that has none kills who writes to it.
bool reserve(int file, std::size_t from, std::size_t to) {
  return ::posix_fallocate(file, static_cast<off_t>(from), static_cast<off_t>(to - from)) == 0;
}

bool has_name(int file) {
  struct stat status;
  return ::fstat(file, &status) == 0 && status.st_nlink > 0;
}

}  // namespace

Pins::~Pins() {
  if (entries_ != nullptr)
    ::munmap(entries_, most_ * entry_size);
  if (list_)
    ::unlink(path_.c_str());
}

bool Pins::prepare() {
  if (std::exchange(is_prepared_, true))
    return lock_ != nullptr;
  auto lock = RemovalLock::open(home_);
  if (!lock)
    return false;
  lock_ = *std::move(lock);
  if (!make_list())
    lock_->keep_all();
  return true;
}

bool Pins::make_list() {
  for (int i = 0; i < most_tries; ++i) {
    std::string name = (home_.temporary() / (std::string(files::pins_prefix) + "XXXXXX")).string();
    Fd list(::mkostemp(name.data(), O_CLOEXEC));
    if (!list)
      return false;
    path_ = name;
    // Somebody who takes it for that of a dead process may have come between the two.
    const auto held = lock_exclusive(list.get(), Wait::no);
    if (!held || (*held && has_name(list.get()))) {
      list_ = std::move(list);
      return grow();
    }
  }
  return false;
}

bool Pins::grow() {
  const std::size_t size = most_ * entry_size;
  const std::size_t wanted = next_size(size) / entry_size * entry_size;
  if (!reserve(list_.get(), size, wanted))
    return false;
  void* const memory =
      entries_ == nullptr
          ? ::mmap(nullptr, wanted, PROT_READ | PROT_WRITE, MAP_SHARED, list_.get(), 0)
          : ::mremap(entries_, size, wanted, MREMAP_MAYMOVE);
  if (memory == MAP_FAILED)
    return false;
  entries_ = static_cast<std::uint64_t*>(memory);
  most_ = wanted / entry_size;
  return true;
}

void Pins::add(const Pin& pin) {
  const std::lock_guard guard(mutex_);
  if (!prepare())
    return;
  if (entries_ == nullptr || (count_ == most_ && !grow())) {
    lock_->keep_all();
    return;
  }
  std::uint64_t* const entry = entries_ + count_++ * words_of_entry;
  std::memcpy(entry + 1, pin.digest.bytes.data(), pin.digest.bytes.size());
  Word(*entry).store(static_cast<std::uint64_t>(pin.what));
  lock_->await_batch();
}

std::uint64_t Pins::generation() {
  const std::lock_guard guard(mutex_);
  return prepare() ? lock_->generation() : 0;
}

namespace {

/// Nothing: its process is dead, and it was removed.
Fd open_living(const Path& path) {
  Fd list(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!list)
    return {};
  if (::flock(list.get(), LOCK_EX | LOCK_NB) != 0)
    return list;
  ::unlink(path.c_str());
  return {};
}

Result<void> read_from(int list, std::size_t& read, std::vector<Pin>& pins) {
  struct stat status;
  if (::fstat(list, &status) != 0)
    return fail_errno("cannot read a list of pins");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size < entry_size)
    return {};
  void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, list, 0);
  if (memory == MAP_FAILED)
    return fail_errno("cannot map a list of pins");
  auto* const words = static_cast<std::uint64_t*>(memory);
  for (; (read + 1) * entry_size <= size; ++read) {
    std::uint64_t* const entry = words + read * words_of_entry;
    const std::uint64_t what = Word(*entry).load();
    if (what == 0)
      break;  // they are written in order
    Pin& pin = pins.emplace_back();
    pin.what = static_cast<Pin::What>(what);
    std::memcpy(pin.digest.bytes.data(), entry + 1, pin.digest.bytes.size());
  }
  ::munmap(memory, size);
  return {};
}

}  // namespace

Result<std::vector<Pin>> PinReader::read_new() {
  std::vector<Pin> pins;
  boost::system::error_code error;
  for (fs::directory_iterator each(home_.temporary(), error), end; !error && each != end;
       each.increment(error)) {
    const std::string name = each->path().filename().string();
    if (!name.starts_with(files::pins_prefix))
      continue;
    const Fd list = open_living(each->path());
    if (!list)
      continue;
    auto known = std::find_if(
        lists_.begin(), lists_.end(), [&](const List& read) { return read.name == name; });
    if (known == lists_.end())
      known = lists_.insert(known, {name, 0});
    DSTACK_CHECK(read_from(list.get(), known->read, pins));
  }
  if (error && error != boost::system::errc::no_such_file_or_directory)
    return fail_errno_of(error.value(), "cannot list '{}'", home_.temporary().string());
  return pins;
}

}  // namespace dstack::store

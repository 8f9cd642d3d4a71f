#include "dstack/store/objects/stream.hpp"

#include "dstack/base/progress.hpp"
#include "dstack/base/stop_flag.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::store {

namespace {

constexpr std::size_t chunk_size = 1 << 20;
// Below this a thread costs more than it hashes meanwhile.
constexpr std::uint64_t worth_a_thread = 8 << 20;
// The disk is kept busy from the start, so that the sync at the end has little left to write.
constexpr std::uint64_t write_back_every = 16 << 20;

bool clone_whole(int from, int to) {
  return ::ioctl(to, FICLONE, from) == 0;
}

/// Starts writing what was written, without waiting: only ever a hint.
class WriteBack {
 public:
  explicit WriteBack(int file) : file_(file) {}

  void wrote(std::uint64_t total) {
    if (total - started_ < write_back_every)
      return;
    (void)::sync_file_range(file_,
                            static_cast<off_t>(started_),
                            static_cast<off_t>(total - started_),
                            SYNC_FILE_RANGE_WRITE);
    started_ = total;
  }

 private:
  int file_;
  std::uint64_t started_ = 0;
};

Result<Streamed> hash_from_begin(int file, WriteBack* write_back = nullptr) {
  Sha256 hasher;
  Streamed streamed;
  thread_local std::vector<char> buffer(
      chunk_size);  // as long to be made as a small file to be read
  if (::lseek(file, 0, SEEK_SET) != 0)
    return fail_errno_on(file, "cannot read");
  for (;;) {
    DSTACK_CHECK(check_stop());
    DSTACK_TRY(const std::size_t count, read_some(file, buffer.data(), buffer.size()));
    if (count == 0)
      break;
    hasher.update({buffer.data(), count});
    count_work({.bytes = count});
    streamed.size += count;
    if (write_back != nullptr)
      write_back->wrote(streamed.size);
  }
  streamed.digest = hasher.finish();
  return streamed;
}

/// Buffers that one thread fills and writes while another hashes them, in the same order.
class Hasher {
 public:
  static constexpr std::size_t buffers = 4;

  Hasher() : storage_(std::make_unique<char[]>(buffers * chunk_size)) {
    thread_ = std::jthread([this] { hash(); });
  }

  ~Hasher() {
    if (thread_.joinable())
      (void)finish();
  }

  /// A buffer that the hashing is done with.
  char* next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return given_ - hashed_ < buffers; });
    return buffer(given_);
  }

  void give(std::size_t size) {
    const std::lock_guard guard(mutex_);
    sizes_[given_ % buffers] = size;
    ++given_;
    changed_.notify_all();
  }

  Digest finish() {
    {
      const std::lock_guard guard(mutex_);
      is_finished_ = true;
      changed_.notify_all();
    }
    thread_.join();
    return digest_;
  }

 private:
  char* buffer(std::size_t number) const {
    return storage_.get() + (number % buffers) * chunk_size;
  }

  void hash() {
    Sha256 hasher;
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return given_ > hashed_ || is_finished_; });
      if (given_ == hashed_)
        break;
      const std::string_view bytes(buffer(hashed_), sizes_[hashed_ % buffers]);
      lock.unlock();
      hasher.update(bytes);
      lock.lock();
      ++hashed_;
      changed_.notify_all();
    }
    digest_ = hasher.finish();
  }

  std::unique_ptr<char[]> storage_;
  std::array<std::size_t, buffers> sizes_{};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t given_ = 0;
  std::size_t hashed_ = 0;
  bool is_finished_ = false;
  Digest digest_;
  std::jthread thread_;  // last: it uses the others
};

/// A part of a file that is all data, or all hole.
struct Stretch {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  bool is_hole = false;
};

/// The one that begins at `begin`, among the first `size` bytes; nothing at the end of the file.
/// Where the file system knows no holes everything is data. Moves the position in the file.
Result<std::optional<Stretch>> stretch_at(int file, std::uint64_t begin, std::uint64_t size) {
  const auto offset = static_cast<off_t>(begin);
  const off_t data = ::lseek(file, offset, SEEK_DATA);
  if (data < 0 && errno == ENXIO) {  // a hole up to the end of the file, or it ends here
    struct stat status;
    if (::fstat(file, &status) != 0)
      return fail_errno("cannot inspect");
    const std::uint64_t end = std::min(size, static_cast<std::uint64_t>(status.st_size));
    if (begin >= end)
      return std::nullopt;
    return Stretch{begin, end, true};
  }
  if (data > offset)
    return Stretch{begin, std::min(size, static_cast<std::uint64_t>(data)), true};
  const off_t hole = data < 0 ? -1 : ::lseek(file, offset, SEEK_HOLE);
  return Stretch{
      begin, hole <= offset ? size : std::min(size, static_cast<std::uint64_t>(hole)), false};
}

/// As write_all(), at a place.
Result<void> write_at(int file, std::string_view bytes, std::uint64_t place) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(place));
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return fail_errno_on(file, "cannot write");
    bytes.remove_prefix(static_cast<std::size_t>(count));
    place += static_cast<std::uint64_t>(count);
  }
  return {};
}

/// A hole at the end of a file is nothing but its size.
Result<void> set_size(int file, std::uint64_t size) {
  if (::ftruncate(file, static_cast<off_t>(size)) != 0)
    return fail_errno_on(file, "cannot write");
  return {};
}

/// Copies the first `size` bytes, with their holes, and passes on all of them: `next()` returns a
/// buffer for chunk_size bytes, `give(buffer, count)` gets it back filled. How many there were.
template <typename Next, typename Give>
Result<std::uint64_t> copy_passing_on(
    int from, int to, std::uint64_t size, Original original, const Next& next, const Give& give) {
  WriteBack write_back(to);
  std::uint64_t at = 0;
  while (at < size) {
    DSTACK_TRY(const std::optional<Stretch> stretch, stretch_at(from, at, size));
    if (!stretch)
      break;
    while (at < stretch->end) {
      DSTACK_CHECK(check_stop());
      char* buffer = next();
      auto count = static_cast<std::size_t>(std::min<std::uint64_t>(chunk_size, stretch->end - at));
      if (stretch->is_hole) {
        std::memset(buffer, 0, count);
      } else {
        DSTACK_TRY(count, read_at(from, buffer, count, at));
        if (count == 0) {
          DSTACK_CHECK(set_size(to, at));
          return at;
        }
        DSTACK_CHECK(write_at(to, {buffer, count}, at));
      }
      give(buffer, count);
      count_work({.bytes = count});
      at += count;
      if (original == Original::of_others)
        write_back.wrote(at);
    }
  }
  DSTACK_CHECK(set_size(to, at));
  return at;
}

Result<Streamed> copy_with_helper(int from, int to, std::uint64_t size, Original original) {
  Hasher hasher;
  Streamed streamed;
  DSTACK_TRY(streamed.size,
             copy_passing_on(
                 from,
                 to,
                 size,
                 original,
                 [&] { return hasher.next(); },
                 [&](const char*, std::size_t count) { hasher.give(count); }));
  streamed.digest = hasher.finish();
  return streamed;
}

Result<Streamed> copy_alone(int from, int to, std::uint64_t size, Original original) {
  Sha256 hasher;
  Streamed streamed;
  std::vector<char> buffer(static_cast<std::size_t>(std::min<std::uint64_t>(chunk_size, size)));
  DSTACK_TRY(streamed.size,
             copy_passing_on(
                 from,
                 to,
                 size,
                 original,
                 [&] { return buffer.data(); },
                 [&](const char* bytes, std::size_t count) {
                   hasher.update({bytes, count});
                 }));
  streamed.digest = hasher.finish();
  return streamed;
}

/// Copies a stretch of data: within the kernel, where it can. How much of it there was.
Result<std::uint64_t> copy_data(int from, int to, const Stretch& data) {
  auto at = static_cast<loff_t>(data.begin);
  const auto end = static_cast<loff_t>(data.end);
  while (at < end) {
    DSTACK_CHECK(check_stop());
    loff_t in = at;
    loff_t out = at;
    const auto wanted = static_cast<std::size_t>(std::min<loff_t>(end - at, 1 << 27));
    const ssize_t count = ::copy_file_range(from, &in, to, &out, wanted, 0);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO))
      return fail_errno("cannot copy");
    if (count <= 0)
      break;
    count_work({.bytes = static_cast<std::uint64_t>(count)});
    at += count;
  }
  // Between some file systems the kernel does not copy, or says that nothing is there.
  std::vector<char> buffer(at < end ? chunk_size : 0);
  while (at < end) {
    DSTACK_CHECK(check_stop());
    const auto wanted =
        static_cast<std::size_t>(std::min<loff_t>(end - at, static_cast<loff_t>(chunk_size)));
    DSTACK_TRY(const std::size_t count,
               read_at(from, buffer.data(), wanted, static_cast<std::uint64_t>(at)));
    if (count == 0)
      break;
    DSTACK_CHECK(write_at(to, {buffer.data(), count}, static_cast<std::uint64_t>(at)));
    count_work({.bytes = count});
    at += static_cast<loff_t>(count);
  }
  return static_cast<std::uint64_t>(at) - data.begin;
}

}  // namespace

Result<std::size_t> read_at(int file, char* buffer, std::size_t size, std::uint64_t place) {
  std::size_t used = 0;
  while (used < size) {
    const ssize_t count =
        ::pread(file, buffer + used, size - used, static_cast<off_t>(place + used));
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return fail_errno_on(file, "cannot read");
    if (count == 0)
      break;
    used += static_cast<std::size_t>(count);
  }
  return used;
}

Result<Streamed> copy_hashing(int from, int to, std::uint64_t size, Original original) {
  if (clone_whole(from, to))
    return hash_from_begin(original == Original::of_store ? from : to);
  (void)::posix_fadvise(from, 0, 0, POSIX_FADV_SEQUENTIAL);
  if (size < worth_a_thread || std::thread::hardware_concurrency() < 2)
    return copy_alone(from, to, size, original);
  try {
    return copy_with_helper(from, to, size, original);
  } catch (const std::system_error&) {
    return copy_alone(from, to, size, original);  // no thread to be had
  }
}

Result<Streamed> hash_whole(int file) {
  return hash_from_begin(file);
}

Result<Streamed> hash_writing_back(int file) {
  WriteBack write_back(file);
  return hash_from_begin(file, &write_back);
}

Result<std::uint64_t> copy_bytes(int from, int to, std::uint64_t size) {
  if (clone_whole(from, to)) {
    struct stat status;
    if (::fstat(to, &status) != 0)
      return fail_errno("cannot inspect a copy");
    count_work({.bytes = static_cast<std::uint64_t>(status.st_size)});
    return static_cast<std::uint64_t>(status.st_size);
  }
  std::uint64_t copied = 0;
  while (copied < size) {
    DSTACK_TRY(const std::optional<Stretch> stretch, stretch_at(from, copied, size));
    if (!stretch)
      break;
    std::uint64_t count = stretch->end - stretch->begin;
    if (stretch->is_hole)
      count_work({.bytes = count});
    if (!stretch->is_hole) {
      DSTACK_TRY(count, copy_data(from, to, *stretch));
    }
    if (count == 0)
      break;
    copied += count;
  }
  DSTACK_CHECK(set_size(to, copied));
  return copied;
}

Result<void> write_with_holes(int file, std::string_view bytes) {
  constexpr std::size_t block = 4096;
  const auto is_hole = [&](std::size_t at) {
    return at + block <= bytes.size() && bytes[at] == '\0' &&
           std::memcmp(bytes.data() + at, bytes.data() + at + 1, block - 1) == 0;
  };
  std::size_t written = 0;  // or passed over
  for (std::size_t at = 0; at < bytes.size(); at += block) {
    if (!is_hole(at))
      continue;
    DSTACK_CHECK(write_at(file, bytes.substr(written, at - written), written));
    written = at + block;
  }
  DSTACK_CHECK(write_at(file, bytes.substr(written), written));
  return written > 0 && written == bytes.size() ? set_size(file, written) : Result<void>();
}

}  // namespace dstack::store

#include "dstack/store/objects/stream.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <memory>
#include <mutex>
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

Result<Streamed> hash_whole(int file, WriteBack* write_back = nullptr) {
  Sha256 hasher;
  Streamed streamed;
  std::vector<char> buffer(chunk_size);
  if (::lseek(file, 0, SEEK_SET) != 0)
    return fail_errno("cannot read");
  for (;;) {
    DSTACK_TRY(const std::size_t count, read_some(file, buffer.data(), buffer.size()));
    if (count == 0)
      break;
    hasher.update({buffer.data(), count});
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

Result<Streamed> copy_with_helper(int from, int to, std::uint64_t size) {
  Hasher hasher;
  WriteBack write_back(to);
  Streamed streamed;
  while (streamed.size < size) {
    char* buffer = hasher.next();
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(chunk_size, size - streamed.size));
    DSTACK_TRY(const std::size_t count, read_some(from, buffer, wanted));
    if (count == 0)
      break;
    hasher.give(count);
    DSTACK_CHECK(write_all(to, {buffer, count}));
    streamed.size += count;
    write_back.wrote(streamed.size);
  }
  streamed.digest = hasher.finish();
  return streamed;
}

Result<Streamed> copy_alone(int from, int to, std::uint64_t size) {
  Sha256 hasher;
  WriteBack write_back(to);
  Streamed streamed;
  std::vector<char> buffer(static_cast<std::size_t>(std::min<std::uint64_t>(chunk_size, size)));
  while (streamed.size < size) {
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size - streamed.size));
    DSTACK_TRY(const std::size_t count, read_some(from, buffer.data(), wanted));
    if (count == 0)
      break;
    hasher.update({buffer.data(), count});
    DSTACK_CHECK(write_all(to, {buffer.data(), count}));
    streamed.size += count;
    write_back.wrote(streamed.size);
  }
  streamed.digest = hasher.finish();
  return streamed;
}

}  // namespace

Result<Streamed> copy_hashing(int from, int to, std::uint64_t size) {
  if (clone_whole(from, to))
    return hash_whole(to);
  if (::lseek(from, 0, SEEK_SET) != 0)
    return fail_errno("cannot read");
  (void)::posix_fadvise(from, 0, 0, POSIX_FADV_SEQUENTIAL);
  if (size < worth_a_thread || std::thread::hardware_concurrency() < 2)
    return copy_alone(from, to, size);
  try {
    return copy_with_helper(from, to, size);
  } catch (const std::system_error&) {
    return copy_alone(from, to, size);  // no thread to be had
  }
}

Result<Streamed> hash_writing_back(int file) {
  WriteBack write_back(file);
  return hash_whole(file, &write_back);
}

Result<std::uint64_t> copy_bytes(int from, int to, std::uint64_t size) {
  std::uint64_t copied = 0;
  if (clone_whole(from, to)) {
    struct stat status;
    if (::fstat(to, &status) != 0)
      return fail_errno("cannot inspect a copy");
    return static_cast<std::uint64_t>(status.st_size);
  }
  while (copied < size) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(size - copied, 1 << 30));
    const ssize_t count = ::copy_file_range(from, nullptr, to, nullptr, wanted, 0);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO))
      return fail_errno("cannot copy");
    if (count <= 0)
      break;
    copied += static_cast<std::uint64_t>(count);
  }
  // Between some file systems the kernel does not copy, or says that nothing is there.
  std::vector<char> buffer;
  while (copied < size) {
    buffer.resize(chunk_size);
    DSTACK_TRY(const std::size_t count, read_some(from, buffer.data(), buffer.size()));
    if (count == 0)
      break;
    DSTACK_CHECK(write_all(to, {buffer.data(), count}));
    copied += count;
  }
  return copied;
}

}  // namespace dstack::store

// Agreement between those who remove objects and those who rely on them, in the file store.lock of
// the home:
//
//   word 0  1 while a batch of objects is being removed, by the one who holds the lock (flock)
//   word 1  how often somebody waited for a batch
//   word 2  the generation: another random number as soon as anything has been removed
//
// The rest of the file is empty; words have 8 bytes. Who relies on an object says so first
// (pins.hpp), then looks at word 0, then looks for the object. Who removes sets word 0, then reads
// what others have said, then removes. So one of the two sees the other, and as long as nothing is
// being removed nobody makes a system call for it. Internal to store/.
#pragma once

#include "dstack/base/error.hpp"
#include "dstack/base/fd.hpp"
#include "dstack/files/home.hpp"

#include <cstdint>
#include <memory>
#include <mutex>

namespace dstack::store {

class RemovalLock {
 public:
  /// Makes the file where there is none.
  static Result<std::unique_ptr<RemovalLock>> open(const files::Home& home);
  RemovalLock(const RemovalLock&) = delete;
  RemovalLock& operator=(const RemovalLock&) = delete;
  ~RemovalLock();

  /// Returns at once unless a batch is being removed, then when that is over. For any thread.
  void await_batch();
  /// Nothing is removed from now on as long as this object lives: for who cannot write a list of
  /// what it relies on.
  void keep_all();
  std::uint64_t generation() const;

  /// Of one who removes. Waits for another one, and for keep_all().
  Result<void> begin_batch();
  void end_batch();
  /// Durable when it returns; to be called before the first removal.
  Result<void> begin_generation();
  /// How often somebody waited so far.
  std::uint64_t waits() const;

 private:
  RemovalLock(Fd file, std::uint64_t* words) : file_(std::move(file)), words_(words) {}

  Fd file_;
  std::uint64_t* words_;
  std::mutex mutex_;
  bool keeps_all_ = false;
};

}  // namespace dstack::store

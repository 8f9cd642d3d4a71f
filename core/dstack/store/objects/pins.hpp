// What processes rely on in the store before a row of the database says so: content that a capture
// found there, trees that are being read or that a plan names. Whoever removes objects leaves
// these.
//
//   tmp/pins-…   of one process, which holds a lock on it (flock): entries of 5 words of 8 bytes:
//                what is pinned, which is 0 until the entry is whole, and a digest
//
// Internal to store/.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/sha256.hpp"
#include "dstack/files/home.hpp"
#include "dstack/store/objects/removal_lock.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace dstack::store {

struct Pin {
  enum class What : std::uint64_t {
    object = 1,  ///< this alone
    tree = 2,    ///< and all below it
  };

  What what = What::object;
  Digest digest;
};

/// The pins of this process, for one home. Nothing is made before the first. For any thread.
class Pins {
 public:
  explicit Pins(files::Home home) : home_(std::move(home)) {}

  Pins(const Pins&) = delete;
  Pins& operator=(const Pins&) = delete;
  ~Pins();

  /// From when it returns until this object is destroyed, what is there stays. To be called before
  /// it is looked for. Where nothing can be written, nothing is removed from the home instead; a
  /// home that cannot even be locked is not protected.
  void add(const Pin& pin);
  /// As RemovalLock has it; 0: unknown.
  std::uint64_t generation();

 private:
  bool prepare();
  bool make_list();
  bool grow();

  const files::Home home_;
  std::mutex mutex_;
  std::unique_ptr<RemovalLock> lock_;
  Path path_;
  Fd list_;
  std::uint64_t* entries_ = nullptr;
  std::size_t count_ = 0;
  std::size_t most_ = 0;
  bool is_prepared_ = false;
};

/// Those of all living processes. Lists of dead ones are removed. For one thread.
class PinReader {
 public:
  explicit PinReader(files::Home home) : home_(std::move(home)) {}

  /// Those that came since the last call.
  Result<std::vector<Pin>> read_new();

 private:
  struct List {
    std::string name;
    std::size_t read;  ///< entries
  };

  const files::Home home_;
  std::vector<List> lists_;
};

}  // namespace dstack::store

// Removing objects from a store that others use at the same time: in small batches, and before each
// one all is left that somebody has pinned or recorded meanwhile. Internal to store/space.
#pragma once

#include "dstack/store/objects/pins.hpp"
#include "dstack/store/objects/removal_lock.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/space/doomed.hpp"
#include "dstack/store/space/reach.hpp"
#include "dstack/store/space/unneeded.hpp"

#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace dstack::store {

class Removal {
 public:
  /// `live` is what the rows needed when records.changes_by_others() was `changes`; both go on with
  /// what comes.
  Removal(const ObjectStore& objects, Records& records, Reach& live, std::int64_t changes)
      : objects_(objects),
        records_(records),
        live_(live),
        changes_(changes),
        pins_(objects.home()) {}

  /// After an error the rest stays. A kill at any point leaves a store from which less was removed.
  Result<Removed> remove(Doomed& doomed);

 private:
  using Objects = std::vector<const DoomedObject*>;

  Result<void> in_batch(Doomed& doomed, const std::function<Result<void>()>& work);
  Result<void> protect(Doomed& doomed);
  Result<void> protect_new_rows(Doomed& doomed);
  Result<void> remove_file(const DoomedObject& object);
  Result<void> remove_files(Doomed& doomed, const Objects& files);
  Result<void> remove_from_pack(Doomed& doomed, const Objects& contents);
  Result<bool> remove_pack(const Digest& name, const Objects& contents);
  Result<void> erase(const Digest& name, std::span<const DoomedObject* const> contents);

  const ObjectStore& objects_;
  Records& records_;
  Reach& live_;
  std::int64_t changes_;
  PinReader pins_;
  std::unique_ptr<RemovalLock> lock_;
  Fd root_;
  Removed removed_;
  bool has_begun_ = false;
};

}  // namespace dstack::store

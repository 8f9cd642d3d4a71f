#include "dstack/store/objects/stored_content.hpp"

#include "dstack/base/progress.hpp"
#include "dstack/store/objects/damage.hpp"
#include "dstack/store/objects/packs.hpp"
#include "dstack/store/objects/stream.hpp"
#include "dstack/store/objects/tree_text.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::store {

namespace {

// Read and written in one piece; larger ones are worth asking the file system to share.
constexpr std::uint64_t most_in_memory = 64 << 10;
static_assert(largest_packed <= most_in_memory);

}  // namespace

Failure StoredContent::fail_damaged(std::string_view how) const {
  const Damage damage(objects_->home());
  return file_ ? damage.found(kind_, digest_, file_.get(), how) : damage.found_in_pack(digest_);
}

Result<StoredContent> StoredContent::open(const ObjectStore& objects,
                                          int store,
                                          files::EntryType type,
                                          const Digest& digest,
                                          std::uint64_t size) {
  const Kind kind = type == files::EntryType::executable ? Kind::executable : Kind::blob;
  StoredContent content(objects, kind, digest, size);
  const std::string name = object_name(kind, digest);
  content.file_ = Fd(::openat(store, name.c_str(), O_RDONLY | O_CLOEXEC));
  if (content.file_) {
    struct stat status;
    if (::fstat(content.file_.get(), &status) != 0)
      return fail_errno("cannot inspect '{}' of the store", name);
    if (!S_ISREG(status.st_mode) || static_cast<std::uint64_t>(status.st_size) != size)
      return content.fail_damaged(fmt::format("has {} instead of {} bytes", status.st_size, size));
    return content;
  }
  if (errno != ENOENT)
    return fail_errno("cannot open '{}' of the store", name);
  if (size <= largest_packed) {
    auto packed = objects.packs().read(digest);
    if (!packed && packed.error().code != ErrorCode::damaged)
      return Failure(std::move(packed).error());
    if (!packed || (*packed && (*packed)->size() != size))
      return content.fail_damaged("");
    if (*packed) {
      content.packed_ = **std::move(packed);
      return content;
    }
  }
  return Damage(objects.home()).found_missing(kind, digest);
}

Result<void> StoredContent::check(const Digest& digest, std::uint64_t size) const {
  if (size != size_)
    return fail_damaged(fmt::format("has {} instead of {} bytes", size, size_));
  return digest == digest_ ? Result<void>() : fail_damaged("has other bytes than were saved");
}

Result<void> StoredContent::copy_to(int target) const {
  if (!file_) {
    count_work({.bytes = size_});
    return write_with_holes(target, packed_);
  }
  if (size_ > most_in_memory) {
    DSTACK_TRY(const Streamed copied, copy_hashing(file_.get(), target, size_, Original::of_store));
    return check(copied.digest, copied.size);
  }
  char buffer[most_in_memory];
  DSTACK_TRY(const std::size_t count,
             read_at(file_.get(), buffer, static_cast<std::size_t>(size_), 0));
  const std::string_view bytes(buffer, count);
  DSTACK_CHECK(check(sha256(bytes), count));
  count_work({.bytes = size_});
  return write_with_holes(target, bytes);
}

Result<void> StoredContent::prove() const {
  if (!file_)
    return {};
  DSTACK_TRY(const Streamed read, hash_whole(file_.get()));
  return check(read.digest, read.size);
}

Result<Fd> StoredContent::take_file() {
  if (file_)
    return std::move(file_);
  Fd file(::memfd_create("dstack-object", MFD_CLOEXEC));
  if (!file)
    return fail_errno("cannot make a file in memory");
  DSTACK_CHECK(write_all(file.get(), packed_));
  if (::lseek(file.get(), 0, SEEK_SET) != 0)
    return fail_errno("cannot read a file in memory");
  return file;
}

}  // namespace dstack::store

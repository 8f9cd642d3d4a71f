#include "dstack/store/objects/stored_content.hpp"

#include "dstack/base/progress.hpp"
#include "dstack/store/objects/stream.hpp"
#include "dstack/store/objects/tree_text.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::store {

namespace {

// Read and written in one piece; larger ones are worth asking the file system to share or the
// kernel to copy.
constexpr std::uint64_t most_in_memory = 64 << 10;
static_assert(largest_packed <= most_in_memory);

Failure fail_damaged(const std::string& name) {
  return fail(ErrorCode::internal, "the store holds a damaged file '{}'", name);
}

}  // namespace

Result<StoredContent> StoredContent::open(
    int store, Packs& packs, files::EntryType type, const Digest& digest, std::uint64_t size) {
  const Kind kind = type == files::EntryType::executable ? Kind::executable : Kind::blob;
  const std::string name = object_name(kind, digest);
  Fd object(::openat(store, name.c_str(), O_RDONLY | O_CLOEXEC));
  if (object) {
    struct stat status;
    if (::fstat(object.get(), &status) != 0 || static_cast<std::uint64_t>(status.st_size) != size)
      return fail_damaged(name);
    return StoredContent(std::move(object), size);
  }
  const auto lacks = [&](int error) { return fail_errno_of(error, "the store lacks '{}'", name); };
  if (errno != ENOENT || size > largest_packed)
    return lacks(errno);
  DSTACK_TRY(auto packed, packs.find(digest, Packs::Newest::needed));
  if (!packed)
    return lacks(ENOENT);
  if (packed->where.size != size)
    return fail_damaged(name);
  return StoredContent(*std::move(packed));
}

Result<void> StoredContent::copy_to(int target) const {
  if (size_ == 0)
    return {};
  char buffer[most_in_memory];
  if (packed_) {
    DSTACK_CHECK(packed_->read(buffer));
    count_work({.bytes = size_});
    return write_with_holes(target, {buffer, static_cast<std::size_t>(size_)});
  }
  std::uint64_t copied = 0;
  if (size_ <= most_in_memory) {
    DSTACK_TRY(copied, read_some(file_.get(), buffer, static_cast<std::size_t>(size_)));
    DSTACK_CHECK(write_with_holes(target, {buffer, static_cast<std::size_t>(copied)}));
    count_work({.bytes = copied});
  } else {
    DSTACK_TRY(copied, copy_bytes(file_.get(), target, size_));
  }
  if (copied != size_)
    return fail(ErrorCode::internal, "its content in the store is truncated");
  return {};
}

bool StoredContent::is_same_as(int file) const {
  std::string ours(most_in_memory, '\0');
  std::string theirs(most_in_memory, '\0');
  if (packed_) {
    const auto count = read_some(file, theirs.data(), theirs.size());
    return count && *count == size_ && packed_->read(ours.data()) &&
           std::string_view(ours).substr(0, *count) == std::string_view(theirs).substr(0, *count);
  }
  for (;;) {
    const auto a = read_some(file_.get(), ours.data(), ours.size());
    const auto b = read_some(file, theirs.data(), theirs.size());
    const bool is_equal =
        a && b && *a == *b &&
        std::string_view(ours).substr(0, *a) == std::string_view(theirs).substr(0, *b);
    if (!is_equal || *a == 0) {
      ::lseek(file_.get(), 0, SEEK_SET);
      return is_equal;
    }
  }
}

Result<Fd> StoredContent::take_file() {
  if (!packed_)
    return std::move(file_);
  // One that has a place of its own in the file.
  DSTACK_TRY(Fd file, open_file("/proc/self/fd/" + std::to_string(packed_->pack->get()), O_RDONLY));
  if (::lseek(file.get(), static_cast<off_t>(packed_->where.place), SEEK_SET) < 0)
    return fail_errno("cannot read a pack of the store");
  return file;
}

}  // namespace dstack::store

#include "dstack/store/objects/pack_format.hpp"
#include "dstack/store/objects/packs.hpp"

#include <algorithm>
#include <cerrno>

#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace dstack::store {

namespace {

constexpr std::size_t written_at_once = 1 << 20;

}  // namespace

PackWriter::PackWriter(Fd file) : file_(std::move(file)), unwritten_(pack_format::header) {}

Result<void> PackWriter::add(const Digest& digest, std::string_view bytes) {
  const std::lock_guard guard(mutex_);
  pack_format::append(unwritten_, digest);
  entries_.push_back({digest, written_ + unwritten_.size(), bytes.size()});
  unwritten_ += bytes;
  return unwritten_.size() < written_at_once ? Result<void>() : flush();
}

Result<void> PackWriter::flush() {
  DSTACK_CHECK(write_all(file_.get(), unwritten_));
  written_ += unwritten_.size();
  unwritten_.clear();
  return {};
}

Result<Digest> PackWriter::finish() {
  std::sort(entries_.begin(), entries_.end(), [](const Packed& a, const Packed& b) {
    return a.digest < b.digest;
  });
  std::string table;
  table.reserve(entries_.size() * pack_format::entry_size + pack_format::number_size);
  for (const Packed& entry : entries_)
    pack_format::append(table, entry);
  const Digest name = sha256(table);
  pack_format::append(table, std::uint64_t{entries_.size()});
  unwritten_ += table;
  DSTACK_CHECK(flush());
  return name;
}

Result<void> PackWriter::unpack(
    const std::function<Result<void>(const Digest& digest, std::string_view bytes)>& take) {
  DSTACK_CHECK(flush());
  const auto file = std::make_shared<const Fd>(std::move(file_));
  char buffer[largest_packed];
  for (const Packed& entry : entries_) {
    DSTACK_CHECK(PackedContent({file, {}, entry}).read(buffer));
    DSTACK_CHECK(take(entry.digest, {buffer, static_cast<std::size_t>(entry.size)}));
  }
  return {};
}

bool PackedContent::is_there() const {
  Digest found;
  const auto begin = static_cast<off_t>(where.place - found.bytes.size());
  ssize_t count = 0;
  do {
    count = ::pread(pack->get(), found.bytes.data(), found.bytes.size(), begin);
  } while (count < 0 && errno == EINTR);
  // What is damaged, or cannot be read, is there: it has to be reported.
  return count != static_cast<ssize_t>(found.bytes.size()) || found != Digest{};
}

bool PackedContent::is_kept() const {
  struct stat status;
  return ::fstat(pack->get(), &status) == 0 && status.st_nlink > 0 && is_there();
}

Result<void> PackedContent::read(char* buffer) const {
  Digest found;
  const auto size = static_cast<std::size_t>(where.size);
  iovec parts[] = {{found.bytes.data(), found.bytes.size()}, {buffer, size}};
  const auto begin = static_cast<off_t>(where.place - found.bytes.size());
  ssize_t count = 0;
  do {
    count = ::preadv(pack->get(), parts, 2, begin);
  } while (count < 0 && errno == EINTR);
  if (count < 0)
    return fail_errno("cannot read a pack of the store");
  if (static_cast<std::size_t>(count) != found.bytes.size() + size || found != where.digest)
    return fail(ErrorCode::damaged,
                "the store holds a damaged pack, which lacks '{}'",
                where.digest.render());
  return {};
}

}  // namespace dstack::store

#include "dstack/base/progress.hpp"
#include "dstack/files/beneath.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/files/parallel.hpp"
#include "dstack/store/objects/capture.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <mutex>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::store {

namespace {

// Read into memory and looked up before anything is written; larger ones are copied while they are
// hashed, or become the object themselves.
constexpr std::uint64_t most_in_memory = 1 << 20;

std::uint64_t largest_small(const Publication& publication) {
  return publication.originals() == Originals::go ? largest_packed : most_in_memory;
}

// So many that handing them out costs nothing beside reading them, and a few of them no thread.
constexpr std::size_t files_at_once = 64;
constexpr std::size_t large_files_at_once = 1;

Kind kind_of(files::EntryType type) {
  return type == files::EntryType::executable ? Kind::executable : Kind::blob;
}

Result<Streamed> read_small(int file, Kind kind, std::uint64_t size, Publication& publication) {
  thread_local std::string buffer;
  buffer.resize(static_cast<std::size_t>(size));
  DSTACK_TRY(const std::size_t count, read_at(file, buffer.data(), buffer.size(), 0));
  const std::string_view bytes(buffer.data(), count);
  const Digest digest = sha256(bytes);
  DSTACK_CHECK(publication.add(kind, digest, bytes));
  count_work({.bytes = count});
  return Streamed{digest, count};
}

Result<Streamed> read_file(int file, const files::FileState& state, Publication& publication) {
  return state.size <= largest_small(publication)
             ? read_small(file, kind_of(state.type), state.size, publication)
             : publication.add_file(kind_of(state.type), file, state.size);
}

Result<files::FileState> state_of(int file) {
  struct stat status;
  if (::fstat(file, &status) != 0)
    return fail_errno("cannot inspect it");
  const auto state = files::file_state(status);
  if (!state || state->type == files::EntryType::folder)
    return fail(ErrorCode::internal, "it is no longer a file");
  return *state;
}

class Reader {
 public:
  Reader(int root, Publication& publication) : root_(root), publication_(publication) {}

  /// The entry keeps no digest when it has vanished.
  Result<void> read(files::FoundFile& entry) {
    const int flags = entry.state.type == files::EntryType::link ? O_PATH : O_RDONLY | O_NONBLOCK;
    const Fd file(files::open_beneath(root_, entry.path, flags));
    if (!file) {
      // A link where a file was, or the reverse, is a file that has gone.
      if (files::is_missing(errno) || errno == EINVAL)
        return {};
      return fail_errno("cannot read '{}'", entry.path);
    }
    if (entry.state.type == files::EntryType::link)
      return read_link(file.get(), entry);
    return read_regular(file.get(), entry)
        .map_error(while_doing(fmt::format("reading '{}'", entry.path)));
  }

  std::vector<std::string> take_changed() {
    std::sort(changed_.begin(), changed_.end());
    return std::move(changed_);
  }

 private:
  Result<void> read_link(int file, files::FoundFile& entry) {
    char target[PATH_MAX + 1];
    const ssize_t size = ::readlinkat(file, "", target, sizeof target);
    if (size < 0)
      return {};  // no link any more
    const std::string_view bytes(target, static_cast<std::size_t>(size));
    entry.digest = sha256(bytes);
    entry.state.size = bytes.size();
    return publication_.add(Kind::blob, *entry.digest, bytes);
  }

  Result<void> read_regular(int file, files::FoundFile& entry) {
    DSTACK_TRY(files::FileState before, state_of(file));
    DSTACK_TRY(Streamed content, read_file(file, before, publication_));
    DSTACK_TRY(files::FileState after, state_of(file));
    // One that was taken as it is has got a second name, which is a change of its state.
    if (after != before && !content.is_original) {
      before = after;
      DSTACK_TRY(content, read_file(file, before, publication_));
      DSTACK_TRY(after, state_of(file));
      if (after != before && !content.is_original) {
        const std::lock_guard guard(mutex_);
        changed_.push_back(entry.path);
      }
    }
    entry.digest = content.digest;
    // With the size that was read, which differs from what an index would compare it with if the
    // file has grown.
    entry.state = before;
    entry.state.size = content.size;
    return {};
  }

  int root_;
  Publication& publication_;
  std::mutex mutex_;
  std::vector<std::string> changed_;
};

Result<void> read_all_of(Reader& reader,
                         const std::vector<files::FoundFile*>& entries,
                         std::size_t at_once) {
  return files::in_parallel(entries.size(), at_once, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      if (auto read = reader.read(*entries[i]); !read)
        return read;
      count_work({.files = 1});
    }
    return Result<void>();
  });
}

}  // namespace

Result<void> read_contents(int root,
                           std::vector<files::FoundFile>& entries,
                           Publication& publication,
                           std::vector<std::string>& warnings) {
  WorkAmount all;
  std::vector<files::FoundFile*> small;
  std::vector<files::FoundFile*> large;
  for (files::FoundFile& entry : entries) {
    if (entry.digest || entry.state.type == files::EntryType::folder)
      continue;
    (entry.state.size > largest_small(publication) ? large : small).push_back(&entry);
    ++all.files;
    all.bytes += entry.state.size;
  }
  if (small.empty() && large.empty())
    return {};
  DSTACK_CHECK(publication.expect(small.size()));
  expect_work(all);
  Reader reader(root, publication);
  DSTACK_CHECK(read_all_of(reader, large, large_files_at_once));
  DSTACK_CHECK(read_all_of(reader, small, files_at_once));
  for (const std::string& path : reader.take_changed())
    warnings.push_back(
        fmt::format("'{}' changed while it was read; it is kept as it was read", path));
  return {};
}

void drop_vanished(std::vector<files::FoundFile>& entries) {
  std::erase_if(entries, [](const files::FoundFile& entry) {
    return !entry.digest && entry.state.type != files::EntryType::folder;
  });
}

}  // namespace dstack::store

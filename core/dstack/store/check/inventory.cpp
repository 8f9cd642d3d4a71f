#include "dstack/store/check/inventory.hpp"

#include "dstack/base/progress.hpp"
#include "dstack/base/stop_flag.hpp"
#include "dstack/files/parallel.hpp"
#include "dstack/store/objects/damage.hpp"
#include "dstack/store/objects/packs.hpp"
#include "dstack/store/objects/stream.hpp"

#include <algorithm>
#include <cerrno>
#include <mutex>

#include <fcntl.h>
#include <sys/stat.h>

namespace dstack::store {

namespace {

constexpr std::uint64_t large = 1 << 20;
constexpr std::size_t files_at_once = 64;
constexpr unsigned packed_bit = 1U << 31;

constexpr unsigned bit_of(Kind kind) {
  return 1U << static_cast<unsigned>(kind);
}

/// Of "ab/cdef….x" below "objects" or "trees". Nothing: it is no object.
std::optional<StoredFile> parse_name(bool is_tree, const std::string& folder, std::string name) {
  StoredFile file{is_tree ? Kind::tree : Kind::blob, {}};
  if (!is_tree && name.ends_with(".x"))
    file.kind = Kind::executable;
  if (is_tree && name.ends_with(".t"))
    file.kind = Kind::times;
  if (file.kind == Kind::executable || file.kind == Kind::times)
    name.resize(name.size() - 2);
  const auto digest = Digest::parse(folder + name);
  if (!digest)
    return std::nullopt;
  file.digest = *digest;
  return file;
}

/// What is wrong with the text of a tree or of times, of which the bytes are right.
std::string find_fault(Kind kind, const std::string& text) {
  if (kind == Kind::tree && !parse_tree(text))
    return "is no tree";
  if (kind == Kind::times && !parse_times(text))
    return "is no list of times";
  return {};
}

/// Gone: somebody has removed it meanwhile.
enum class Proof { done, gone };

Result<Proof> prove(int store, StoredFile& file) {
  const Fd open(::openat(store, object_name(file.kind, file.digest).c_str(), O_RDONLY | O_CLOEXEC));

  struct stat status {};

  if (!open && errno == ENOENT)
    return Proof::gone;
  if (!open || ::fstat(open.get(), &status) != 0) {
    file.problem = fmt::format("cannot be read: {}", system_error(errno, "").message);
    return Proof::done;
  }
  file.size = static_cast<std::uint64_t>(status.st_size);
  DSTACK_CHECK(check_stop());
  if (file.kind == Kind::tree || file.kind == Kind::times) {
    const auto text = read_all(open.get());
    if (!text)
      file.problem = fmt::format("cannot be read: {}", text.error().message);
    else
      file.problem = sha256(*text) == file.digest ? find_fault(file.kind, *text)
                                                  : "has other bytes than were saved";
    count_work({.bytes = file.size});
    return Proof::done;
  }
  const auto read = hash_whole(open.get());
  if (!read)
    file.problem = fmt::format("cannot be read: {}", read.error().message);
  else if (read->digest != file.digest)
    file.problem = "has other bytes than were saved";
  return Proof::done;
}

}  // namespace

Result<Inventory> Inventory::take(const ObjectStore& objects) {
  Inventory inventory;
  DSTACK_CHECK(inventory.list_files(objects));
  DSTACK_CHECK(inventory.prove_files(objects));
  DSTACK_CHECK(inventory.prove_packs(objects));
  return inventory;
}

Result<void> Inventory::list_files(const ObjectStore& objects) {
  WorkAmount all;
  for (const bool is_tree : {false, true}) {
    boost::system::error_code error;
    const Path top = objects.home().root / (is_tree ? "trees" : "objects");
    for (fs::directory_iterator folder(top, error), end; !error && folder != end;
         folder.increment(error)) {
      boost::system::error_code inner;
      for (fs::directory_iterator each(folder->path(), inner); !inner && each != end;
           each.increment(inner)) {
        auto file = parse_name(
            is_tree, folder->path().filename().string(), each->path().filename().string());

        struct stat status {};

        if (!file || ::lstat(each->path().c_str(), &status) != 0)
          continue;
        file->size = static_cast<std::uint64_t>(status.st_size);
        ++all.files;
        all.bytes += file->size;
        files_.push_back(*std::move(file));
      }
    }
    if (error && error.value() != ENOENT)
      return fail_errno_of(error.value(), "cannot read the folder '{}'", top.string());
  }
  // The large ones first, and one by one: any may take as long as all small ones.
  std::sort(files_.begin(), files_.end(), [](const StoredFile& a, const StoredFile& b) {
    return a.size > b.size;
  });
  expect_work(all);
  return {};
}

Result<void> Inventory::prove_files(const ObjectStore& objects) {
  DSTACK_TRY(const Fd store, open_file(objects.home().root.string(), O_RDONLY | O_DIRECTORY));
  std::vector<char> gone(files_.size(), 0);
  const auto small = std::find_if(
      files_.begin(), files_.end(), [](const StoredFile& file) { return file.size < large; });
  const auto split = static_cast<std::size_t>(small - files_.begin());
  const auto prove_range = [&](std::size_t first, std::size_t last) -> Result<void> {
    for (std::size_t i = first; i < last; ++i) {
      DSTACK_TRY(const Proof proof, prove(store.get(), files_[i]));
      gone[i] = proof == Proof::gone ? 1 : 0;
      count_work({.files = 1});
    }
    return {};
  };
  DSTACK_CHECK(files::in_parallel(split, 1, prove_range));
  DSTACK_CHECK(files::in_parallel(
      files_.size() - split, files_at_once, [&](std::size_t first, std::size_t last) {
        return prove_range(split + first, split + last);
      }));
  std::vector<StoredFile> there;
  for (std::size_t i = 0; i < files_.size(); ++i) {
    if (gone[i] != 0)
      continue;
    const StoredFile& file = files_[i];
    bytes_ += file.size;
    if (file.problem.empty())
      add_sound(file.digest, bit_of(file.kind), file.size);
    there.push_back(file);
  }
  files_ = std::move(there);
  return {};
}

Result<void> Inventory::prove_packs(const ObjectStore& objects) {
  const Damage damage(objects.home());
  for (const Digest& name : objects.packs().names()) {
    auto pack = objects.packs().open_table(name);
    if (!pack) {
      files_.push_back({Kind::pack, name, 0, "is cut off, or its table was changed"});
      continue;
    }
    std::mutex mutex;
    expect_work({pack->entries.size(), 0});
    DSTACK_CHECK(files::in_parallel(
        pack->entries.size(), files_at_once, [&](std::size_t first, std::size_t last) {
          std::string bytes;
          for (std::size_t i = first; i < last; ++i) {
            const Packed& entry = pack->entries[i];
            bytes.assign(static_cast<std::size_t>(std::min(entry.size, largest_packed)), '\0');
            const bool is_sound = entry.size <= largest_packed &&
                                  PackedContent{pack->file, name, entry}.read(bytes.data()) &&
                                  sha256(bytes) == entry.digest;
            count_work({1, entry.size});
            const std::lock_guard guard(mutex);
            ++packed_;
            bytes_ += entry.size;
            // One that was found damaged before is passed over by everybody.
            if (is_sound && !damage.is_in_pack(entry.digest))
              add_sound(entry.digest, packed_bit, entry.size);
            else if (!is_sound && !damage.is_in_pack(entry.digest))
              damaged_in_packs_.push_back(entry.digest);
          }
          return check_stop();
        }));
  }
  return {};
}

void Inventory::add_sound(const Digest& digest, unsigned bit, std::uint64_t size) {
  Sound& sound = sound_[digest];
  sound.kinds |= bit;
  sound.size = size;
}

bool Inventory::has(Kind kind, const Digest& digest, std::optional<std::uint64_t> size) const {
  const auto found = sound_.find(digest);
  if (found == sound_.end() || (size && found->second.size != *size))
    return false;
  const unsigned wanted = bit_of(kind) | (kind == Kind::times ? 0 : packed_bit);
  return (found->second.kinds & wanted) != 0;
}

}  // namespace dstack::store

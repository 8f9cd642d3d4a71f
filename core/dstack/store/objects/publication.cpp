#include "dstack/store/objects/publication.hpp"

#include "dstack/files/beneath.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/store/objects/tree_index.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::store {

namespace {

// One sync of the whole file system also waits for what other programs have written to it, which
// may be gigabytes; so only where the many syncs of single files would take longer.
constexpr std::size_t most_single_syncs = 48;

// Another process may have renamed an object and not synced the folder yet, or never do it.
// After this time every file system has written a name out by itself.
constexpr std::int64_t seconds_until_durable = 60;

constexpr mode_t mode_of(Kind kind) {
  return kind == Kind::executable ? 0755 : 0644;
}

std::string folder_of(const std::string& name) {
  return name.substr(0, name.rfind('/'));
}

Result<void> sync_at(int root, const std::string& name) {
  const Fd file(::openat(root, name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file)
    return fail_errno("cannot open '{}' of the store", name);
  if (::fsync(file.get()) != 0)
    return fail_errno("cannot sync '{}' of the store", name);
  return {};
}

/// True when no process has the file open for writing now. Asks the kernel for a read lease, which
/// it grants only then, and gives it back; where there are no leases the answer is no.
bool has_no_writers(int file) {
  // Who opens it just then makes the kernel send a signal; this one is ignored by default.
  ::fcntl(file, F_SETSIG, SIGURG);
  if (::fcntl(file, F_SETLEASE, F_RDLCK) != 0)
    return false;
  ::fcntl(file, F_SETLEASE, F_UNLCK);
  return true;
}

/// Whether the file could be an object of the store: no other name leads to it, no other user owns
/// it, it is on the store's file system, and no process is writing to it. Nor is it closed: an
/// object is as readable as all others, and a file that its owner closed is never opened.
bool is_ours_alone(int file, const struct stat& status, int store) {
  struct stat folder;
  const auto state = files::file_state(status);
  return state && state->closed == 0 && status.st_nlink == 1 && status.st_uid == ::geteuid() &&
         ::fstat(store, &folder) == 0 && folder.st_dev == status.st_dev && has_no_writers(file);
}

constexpr bool may_be_packed(Kind kind, std::uint64_t size) {
  return kind != Kind::times && size <= largest_packed;
}

/// Beside those of the kinds: it is in the pack.
constexpr unsigned packed_bit = 1U << 31;

constexpr unsigned bit_of(Kind kind) {
  return 1U << static_cast<unsigned>(kind);
}

bool is_unchanged(const struct stat& before, const struct stat& after) {
  return before.st_size == after.st_size && before.st_nlink == after.st_nlink &&
         before.st_mtim.tv_sec == after.st_mtim.tv_sec &&
         before.st_mtim.tv_nsec == after.st_mtim.tv_nsec;
}

Result<void> sync_file_system(int file) {
  if (::syncfs(file) != 0)
    return fail_errno("cannot sync the store");
  return {};
}

}  // namespace

mode_t current_umask() {
  if (const auto status = read_kernel_file("/proc/self/status")) {
    const std::size_t at = status->find("\nUmask:\t");
    if (at != std::string::npos)
      return static_cast<mode_t>(std::strtoul(status->c_str() + at + 8, nullptr, 8));
  }
  return 07777;  // unknown: every mode is then set, not only those that the umask spoils
}

Publication::~Publication() {
  if (!staging_)
    return;
  for (const Staged& staged : staged_)
    ::unlinkat(staging_->fd(), staged.draft.c_str(), 0);
  if (pack_)
    ::unlinkat(staging_->fd(), pack_draft_.c_str(), 0);
}

Result<void> Publication::open_staging_folder() {
  const std::lock_guard guard(mutex_);
  if (staging_)
    return {};
  struct stat status;
  if (::stat(home_.temporary().c_str(), &status) != 0)
    DSTACK_CHECK(files::prepare_home(home_));
  DSTACK_TRY(files::StagingFolder staging, files::StagingFolder::make(home_, "objects"));
  DSTACK_TRY(root_, open_file(home_.root.string(), O_RDONLY | O_DIRECTORY));
  staging_ = std::move(staging);
  umask_ = current_umask();
  return {};
}

Result<Fd> Publication::make_draft(Kind kind, std::string& name) {
  DSTACK_CHECK(open_staging_folder());
  name = std::to_string(drafts_.fetch_add(1));
  const mode_t mode = mode_of(kind);
  Fd file(::openat(staging_->fd(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!file)
    return fail_errno("cannot make a file in '{}'", staging_->path().string());
  if ((mode & umask_) != 0 && ::fchmod(file.get(), mode) != 0)
    return fail_errno("cannot set the mode of a file in '{}'", staging_->path().string());
  return file;
}

void Publication::stage(Kind kind, const Digest& digest, std::string draft) {
  const std::lock_guard guard(mutex_);
  staged_.push_back({kind, digest, std::move(draft)});
}

bool Publication::claim(Kind kind, const Digest& digest) {
  std::string key(reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size());
  key += static_cast<char>('0' + static_cast<int>(kind));
  const std::lock_guard guard(mutex_);
  return claimed_.insert(std::move(key)).second;
}

bool Publication::contains(Kind kind, const Digest& digest, std::uint64_t size) {
  if (pins_ != nullptr)
    pins_->add({Pin::What::object, digest});
  const std::string name = object_name(kind, digest);
  struct stat status;
  // With a pack it is open before other threads are there.
  const int found = pack_ ? ::fstatat(root_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW)
                          : ::lstat((home_.root / name).c_str(), &status);
  if (found == 0 && S_ISREG(status.st_mode) && static_cast<std::uint64_t>(status.st_size) == size &&
      (status.st_mode & 0777) == mode_of(kind)) {
    await_name(status, folder_of(name));
    return true;
  }
  return may_be_packed(kind, size) && is_packed(digest, size);
}

bool Publication::is_damaged_in_pack(const Digest& digest) const {
  return has_damage_ && Damage(home_).is_in_pack(digest);
}

bool Publication::is_packed(const Digest& digest, std::uint64_t size) {
  if (is_damaged_in_pack(digest))
    return false;
  const auto found = packs_.find(digest, Packs::Newest::not_needed);
  struct stat status;
  if (!found || !*found || (*found)->where.size != size || !(*found)->is_kept() ||
      ::fstat((*found)->pack->get(), &status) != 0 ||
      static_cast<std::uint64_t>(status.st_size) < (*found)->where.place + size)
    return false;
  await_name(status, "packs");
  return true;
}

/// A rename moves the time of change, so one that changed earlier has its name on the disk.
void Publication::await_name(const struct stat& status, const std::string& folder) {
  timespec time;
  ::clock_gettime(CLOCK_REALTIME, &time);
  if (status.st_ctim.tv_sec <= time.tv_sec - seconds_until_durable)
    return;
  const std::lock_guard guard(mutex_);
  folders_.insert(folder);
}

Result<void> Publication::expect(std::size_t small_files) {
  if (pack_ || small_files < fewest_packed)
    return {};
  packs_.refresh();
  DSTACK_TRY(Fd file, make_draft(Kind::pack, pack_draft_));
  pack_.emplace(std::move(file));
  return {};
}

Result<void> Publication::add(Kind kind, const Digest& digest, std::string_view bytes) {
  // In a second pack it might not be found before the damaged one.
  if (pack_ && may_be_packed(kind, bytes.size()) && !is_damaged_in_pack(digest))
    return add_to_pack(kind, digest, bytes);
  if (!claim(kind, digest) || contains(kind, digest, bytes.size()))
    return {};
  if (kind == Kind::tree)
    note_tree(digest, bytes);
  return write_draft(kind, digest, bytes);
}

/// The same bytes may be added as several kinds, of which each may be there as a file.
Result<void> Publication::add_to_pack(Kind kind, const Digest& digest, std::string_view bytes) {
  const auto mark = [&](unsigned bit) {
    const std::lock_guard guard(mutex_);
    unsigned& bits = added_[digest];
    return std::exchange(bits, bits | bit);
  };
  const unsigned before = mark(bit_of(kind));
  if ((before & (bit_of(kind) | packed_bit)) != 0 || contains(kind, digest, bytes.size()) ||
      (mark(packed_bit) & packed_bit) != 0)
    return {};
  if (kind == Kind::tree)
    note_tree(digest, bytes);
  return pack_->add(digest, bytes).map_error(while_doing("writing to the store"));
}

Result<void> Publication::write_draft(Kind kind, const Digest& digest, std::string_view bytes) {
  std::string draft;
  DSTACK_TRY(const Fd file, make_draft(kind, draft));
  // Before the bytes, so that it is removed whatever happens to them.
  stage(kind, digest, draft);
  return write_with_holes(file.get(), bytes).map_error(while_doing("writing to the store"));
}

/// The file itself becomes the object, under a second name, so that a crash loses neither: its
/// first name is removed with its folder.
Result<std::optional<Streamed>> Publication::add_original(Kind kind, int file, std::uint64_t size) {
  DSTACK_CHECK(open_staging_folder());
  struct stat before;
  struct stat after;
  if (::fstat(file, &before) != 0 || !is_ours_alone(file, before, staging_->fd()))
    return std::nullopt;
  DSTACK_TRY(Streamed content, hash_writing_back(file));
  if (::fstat(file, &after) != 0 || content.size != size || !is_unchanged(before, after))
    return std::nullopt;
  content.is_original = true;
  if (!claim(kind, content.digest) || contains(kind, content.digest, content.size))
    return content;
  DSTACK_TRY(const bool is_linked, link_original(kind, file, content.digest));
  return is_linked ? std::optional(content) : std::nullopt;
}

Result<bool> Publication::link_original(Kind kind, int file, const Digest& digest) {
  std::string draft = std::to_string(drafts_.fetch_add(1));
  const std::string itself = "/proc/self/fd/" + std::to_string(file);
  if (::linkat(AT_FDCWD, itself.c_str(), staging_->fd(), draft.c_str(), AT_SYMLINK_FOLLOW) != 0)
    return false;
  stage(kind, digest, draft);
  if (::fchmod(file, mode_of(kind)) != 0)
    return fail_errno("cannot set the mode of a file in '{}'", staging_->path().string());
  return true;
}

Result<Streamed> Publication::add_file(Kind kind, int file, std::uint64_t size) {
  if (originals_ == Originals::go) {
    DSTACK_TRY(const auto taken, add_original(kind, file, size));
    if (taken)
      return *taken;
  }
  std::string draft;
  DSTACK_TRY(const Fd copy, make_draft(kind, draft));
  auto streamed = copy_hashing(file, copy.get(), size);
  if (!streamed || !claim(kind, streamed->digest) ||
      contains(kind, streamed->digest, streamed->size)) {
    ::unlinkat(staging_->fd(), draft.c_str(), 0);
    return std::move(streamed).map_error(while_doing("copying to the store"));
  }
  stage(kind, streamed->digest, draft);
  return streamed;
}

Result<void> Publication::finish_pack() {
  if (!pack_)
    return {};
  if (pack_->count() < fewest_packed)
    return unpack();
  DSTACK_TRY(const Digest name, pack_->finish());
  stage(Kind::pack, name, pack_draft_);
  pack_.reset();
  has_new_pack_ = true;
  return {};
}

Result<void> Publication::unpack() {
  const auto take = [&](const Digest& digest, std::string_view bytes) -> Result<void> {
    for (const Kind kind : {Kind::blob, Kind::executable, Kind::tree})
      if ((added_.at(digest) & bit_of(kind)) != 0)
        DSTACK_CHECK(write_draft(kind, digest, bytes));
    return {};
  };
  DSTACK_CHECK(pack_->unpack(take));
  ::unlinkat(staging_->fd(), pack_draft_.c_str(), 0);
  pack_.reset();
  return {};
}

Result<void> Publication::sync_drafts() {
  if (staged_.size() > most_single_syncs)
    return sync_file_system(staging_->fd());
  std::vector<Fd> files;
  for (const Staged& staged : staged_) {
    Fd file(::openat(staging_->fd(), staged.draft.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file)
      return fail_errno("cannot open a file in '{}'", staging_->path().string());
    // All of them on their way before the first is waited for.
    (void)::sync_file_range(file.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
    files.push_back(std::move(file));
  }
  for (const Fd& file : files)
    if (::fsync(file.get()) != 0)
      return fail_errno("cannot sync a file in '{}'", staging_->path().string());
  return {};
}

Result<void> Publication::rename_draft(const Staged& staged, const std::string& name) {
  if (::renameat(staging_->fd(), staged.draft.c_str(), root_.get(), name.c_str()) == 0)
    return {};
  if (errno == ENOENT) {
    const std::string folder = folder_of(name);
    ::mkdirat(root_.get(), folder_of(folder).c_str(), 0777);  // nearly always there
    if (::mkdirat(root_.get(), folder.c_str(), 0777) != 0 && errno != EEXIST)
      return fail_errno("cannot make the folder '{}' of the store", folder);
    // Its own name is to be made durable, too.
    folders_.insert(staged.kind == Kind::pack ? "." : folder_of(folder));
    if (::renameat(staging_->fd(), staged.draft.c_str(), root_.get(), name.c_str()) == 0)
      return {};
  }
  return fail_errno("cannot put '{}' into the store", name);
}

Result<void> Publication::rename_drafts() {
  // What is named comes before what names it.
  std::stable_sort(staged_.begin(), staged_.end(), [](const Staged& a, const Staged& b) {
    return a.kind < b.kind;
  });
  for (const Staged& staged : staged_) {
    const std::string name = object_name(staged.kind, staged.digest);
    DSTACK_CHECK(rename_draft(staged, name));
    folders_.insert(folder_of(name));
  }
  staged_.clear();
  return {};
}

Result<void> Publication::sync_names() {
  if (folders_.empty())
    return {};
  if (!root_) {
    DSTACK_TRY(root_, open_file(home_.root.string(), O_RDONLY | O_DIRECTORY));
  }
  if (folders_.size() > most_single_syncs)
    return sync_file_system(root_.get());
  // Innermost first: a folder's own name is in the one above it.
  for (auto folder = folders_.rbegin(); folder != folders_.rend(); ++folder)
    DSTACK_CHECK(sync_at(root_.get(), *folder));
  return {};
}

void Publication::note_tree(const Digest& digest, std::string_view text) {
  if (pins_ == nullptr)
    return;
  const std::string record = render_tree_record(digest, text);
  const std::lock_guard guard(mutex_);
  tree_records_ += record;
}

Result<void> Publication::publish() {
  DSTACK_CHECK(finish_pack());
  if (!staged_.empty()) {
    DSTACK_CHECK(sync_drafts());
    DSTACK_CHECK(rename_drafts());
  }
  DSTACK_CHECK(sync_names());
  folders_.clear();
  staging_.reset();
  if (!tree_records_.empty())
    append_to_tree_index(home_, std::exchange(tree_records_, {}));
  if (std::exchange(has_new_pack_, false))
    packs_.keep_index();
  return {};
}

}  // namespace dstack::store

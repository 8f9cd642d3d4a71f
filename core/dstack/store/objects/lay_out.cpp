// Writing a tree of the store as files.
#include "dstack/base/git_name.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/progress.hpp"
#include "dstack/files/beneath.hpp"
#include "dstack/files/entry.hpp"
#include "dstack/files/parallel.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/overlay/written.hpp"
#include "dstack/store/objects/laid_out_file.hpp"
#include "dstack/store/objects/objects.hpp"
#include "dstack/store/objects/publication.hpp"
#include "dstack/store/objects/stored_content.hpp"
#include "dstack/store/objects/stored_tree.hpp"
#include "dstack/store/objects/tree_text.hpp"

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <optional>
#include <span>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::store {

namespace {

constexpr std::size_t files_at_once = 64;
// A smaller file is copied as fast as it is linked.
constexpr std::uint64_t worth_a_link = largest_packed + 1;

struct Folder {
  std::string path;  ///< "." is the destination itself
  Attributes attributes;
  bool is_kept = false;  ///< it was there before, and is not ours
  /// To be set when all is in it: until then its owner may write there.
  std::optional<mode_t> final_mode = std::nullopt;
};

struct File {
  std::size_t folder = 0;
  std::string name;
  TreeEntry entry;
  Attributes attributes;
};

std::string path_in(const Folder& folder, const std::string& name) {
  return folder.path == "." ? name : folder.path + "/" + name;
}

class Layout {
 public:
  Layout(const ObjectStore& objects, const Path& destination, LayOut mode, Place place)
      : objects_(objects),
        destination_(destination),
        mode_(mode),
        place_(place),
        umask_(place == Place::of_job ? current_umask() : 0) {}

  Result<void> read(const job::TreeReference& reference) {
    return for_each_entry(objects_,
                          reference,
                          [this](std::string path, const TreeEntry& entry, const Attributes& with) {
                            add(std::move(path), entry, with);
                          });
  }

  /// Folders before their content.
  void add(std::string path, const TreeEntry& entry, const Attributes& attributes) {
    if (place_ == Place::of_user && !git_part(path).empty()) {
      if (is_git_name(file_name(path)))
        replaced_.push_back(std::move(path));
      return;
    }
    const std::size_t folder = folder_above(path);
    if (entry.type == files::EntryType::folder) {
      above_.push_back(folders_.size());
      folders_.push_back({std::move(path), attributes});
    } else {
      files_.push_back({folder, entry.name, entry, attributes});
      all_.bytes += entry.size;
    }
  }

  /// What an overlay's lower folder has at `path` will not be seen.
  void hide(const std::string& path) {
    hidden_.emplace_back(folder_above(path), std::string(file_name(path)));
  }

  Result<void> write() {
    all_.files = files_.size();
    expect_work(all_);
    DSTACK_CHECK(make_folders(destination_));
    DSTACK_TRY(root_, open_file(destination_.string(), O_RDONLY | O_DIRECTORY));
    DSTACK_TRY(store_, open_file(objects_.home().root.string(), O_RDONLY | O_DIRECTORY));
    for (std::size_t i = 1; i < folders_.size(); ++i)
      DSTACK_CHECK(make_folder(folders_[i]));
    for (const auto& [folder, name] : hidden_) {
      const Fd in(files::open_beneath(root_.get(), folders_[folder].path, O_PATH | O_DIRECTORY));
      DSTACK_CHECK(overlay::hide(in.get(), name));
    }
    DSTACK_CHECK(write_contents());
    // After their content, which moved them; the inner before the outer.
    for (std::size_t i = folders_.size(); i-- > 1;)
      DSTACK_CHECK(finish_folder(folders_[i]));
    return {};
  }

  std::vector<std::string> take_replaced() {
    std::sort(replaced_.begin(), replaced_.end());
    return std::move(replaced_);
  }

 private:
  std::size_t folder_above(const std::string& path) {
    above_.resize(static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')) + 1);
    return above_.back();
  }

  /// Opens the folder that `path` is in. Step by step, so that a link put in the place of a folder
  /// meanwhile is not followed.
  bool open_parent(const std::string& path) {
    const std::string_view above = folder_of(path);
    std::string parent(above.empty() ? "." : above);
    if (!parent_ || parent != parent_path_) {
      parent_ = Fd(files::open_beneath(root_.get(), parent, O_PATH | O_DIRECTORY));
      parent_path_ = std::move(parent);
    }
    return bool(parent_);
  }

  Result<void> make_folder(Folder& folder) {
    if (!open_parent(folder.path))
      return mode_ == LayOut::where_free  // its files are reported one by one
                 ? Result<void>()
                 : fail_errno("cannot make the folder '{}'", shown(folder.path));
    const std::string name = name_of(folder);
    const int parent = parent_.get();
    const mode_t mode = mode_of(files::EntryType::folder, folder.attributes);
    if (::mkdirat(parent, name.c_str(), mode | 0700) != 0) {
      struct stat status;
      if (errno != EEXIST)
        return fail_errno("cannot make the folder '{}'", shown(folder.path));
      folder.is_kept = mode_ == LayOut::where_free;
      if (::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
          S_ISDIR(status.st_mode))
        return folder.is_kept ? Result<void>() : enter_folder(folder, status.st_mode & 07777);
      if (folder.is_kept)
        return {};
      note_replaced(folder.path);
      if (::unlinkat(parent, name.c_str(), 0) != 0 ||
          ::mkdirat(parent, name.c_str(), mode | 0700) != 0)
        return fail_errno("cannot make the folder '{}'", shown(folder.path));
    }
    if ((mode & 0700) != 0700)
      folder.final_mode = mode;
    return ((mode | 0700) & umask_) == 0 ? Result<void>() : set_mode(folder, mode | 0700);
  }

  /// A folder that was there before: closed as it is, and as the tree has it.
  Result<void> enter_folder(Folder& folder, mode_t mode) {
    const mode_t closed = mode & ~static_cast<mode_t>(folder.attributes.closed);
    if ((closed & 0700) != 0700)
      folder.final_mode = closed;
    return (closed | 0700) == mode ? Result<void>() : set_mode(folder, closed | 0700);
  }

  Result<void> finish_folder(const Folder& folder) {
    if (folder.is_kept || !open_parent(folder.path))
      return {};
    ::utimensat(parent_.get(),
                name_of(folder).c_str(),
                Times(folder.attributes.modified).values,
                AT_SYMLINK_NOFOLLOW);
    return folder.final_mode ? set_mode(folder, *folder.final_mode) : Result<void>();
  }

  /// Of a folder in parent_.
  Result<void> set_mode(const Folder& folder, mode_t mode) const {
    const Fd made(files::open_beneath(parent_.get(), name_of(folder), O_PATH | O_DIRECTORY));
    if (!made || change_mode(made.get(), mode) != 0)
      return fail_errno("cannot set the mode of '{}'", shown(folder.path));
    return {};
  }

  static std::string name_of(const Folder& folder) { return std::string(file_name(folder.path)); }

  mode_t mode_of(files::EntryType type, const Attributes& attributes) const {
    return place_ == Place::of_user ? files::mode_under_umask(type, attributes.closed)
                                    : files::usual_mode(type) & ~attributes.closed;
  }

  /// On all cores. The large ones first and one by one: reading them takes longest, and one may be
  /// as long as all others.
  Result<void> write_contents() {
    std::vector<const File*> small;
    std::vector<const File*> large;
    for (const File& file : files_)
      (file.entry.size >= worth_a_link ? large : small).push_back(&file);
    const auto write = [&](const std::vector<const File*>& files, std::size_t at_once) {
      return files::in_parallel(files.size(), at_once, [&](std::size_t first, std::size_t last) {
        return write_files({files.data() + first, last - first});
      });
    };
    DSTACK_CHECK(write(large, 1));
    return write(small, files_at_once);
  }

  Result<void> write_files(std::span<const File* const> files) {
    Fd folder;
    for (std::size_t i = 0; i < files.size(); ++i) {
      const File& file = *files[i];
      const Folder& target = folders_[file.folder];
      if (i == 0 || file.folder != files[i - 1]->folder) {
        folder = Fd(files::open_beneath(root_.get(), target.path, O_PATH | O_DIRECTORY));
        if (!folder && mode_ != LayOut::where_free)
          return fail_errno("cannot open the folder '{}'", shown(target.path));
      }
      if (!folder) {  // something else is in the way
        note_replaced(path_in(target, file.name));
        continue;
      }
      auto written = file.entry.type == files::EntryType::link ? write_link(folder.get(), file)
                                                               : write_file(folder.get(), file);
      if (!written)
        return written.map_error(
            [&](Error error) { return name_file(std::move(error), path_in(target, file.name)); });
      count_work({.files = 1});
    }
    return {};
  }

  Error name_file(Error error, const std::string& path) const {
    // Of damage, where the file is in its tree says more than where it was to be written.
    if (error.code == ErrorCode::damaged)
      error.message = fmt::format("'{}': {}", path, error.message);
    return while_doing(fmt::format("writing '{}'", shown(path)))(std::move(error));
  }

  Result<void> write_file(int folder, const File& file) {
    DSTACK_TRY(const StoredContent content,
               StoredContent::open(
                   objects_, store_.get(), file.entry.type, file.entry.digest, file.entry.size));
    if (mode_ == LayOut::shared && may_be_linked(content, file)) {
      DSTACK_CHECK(content.prove());
      if (link_object(content.own_file(), folder, file.name, file.attributes.modified))
        return {};
    }
    const mode_t mode = mode_of(file.entry.type, file.attributes);
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    Fd target(::openat(folder, file.name.c_str(), flags, mode));
    if (!target && errno == EEXIST) {
      const bool is_same = is_same_file(folder, file.name, file.entry);
      if (mode_ == LayOut::where_free)
        return keep(file, is_same);
      DSTACK_CHECK(clear_way(folder, file, is_same));
      target = Fd(::openat(folder, file.name.c_str(), flags, mode));
    }
    if (!target)
      return fail_errno("cannot make it");
    if ((mode & umask_) != 0 && ::fchmod(target.get(), mode) != 0)
      return fail_errno("cannot set its mode");
    if (auto copied = content.copy_to(target.get()); !copied) {
      ::unlinkat(folder, file.name.c_str(), 0);  // whatever is in it is not what was saved
      return copied;
    }
    if (::futimens(target.get(), Times(file.attributes.modified).values) != 0)
      return fail_errno("cannot set its time");
    return {};
  }

  /// Where the one file can be both, for it has one mode.
  static bool may_be_linked(const StoredContent& content, const File& file) {
    return content.own_file() >= 0 && file.entry.size >= worth_a_link &&
           file.attributes.closed == 0;
  }

  Result<void> write_link(int folder, const File& file) {
    DSTACK_TRY(const std::string target, objects_.read_blob(file.entry.digest));
    if (::symlinkat(target.c_str(), folder, file.name.c_str()) != 0) {
      if (errno != EEXIST)
        return fail_errno("cannot make the link");
      const bool is_same = is_same_link(folder, file.name, target);
      if (mode_ == LayOut::where_free)
        return keep(file, is_same);
      DSTACK_CHECK(clear_way(folder, file, is_same));
      if (::symlinkat(target.c_str(), folder, file.name.c_str()) != 0)
        return fail_errno("cannot make the link");
    }
    ::utimensat(
        folder, file.name.c_str(), Times(file.attributes.modified).values, AT_SYMLINK_NOFOLLOW);
    return {};
  }

  /// Removes what is at the place of `file`. Replacing a file by an equal one is not reported.
  Result<void> clear_way(int folder, const File& file, bool is_same) {
    const std::string path = path_in(folders_[file.folder], file.name);
    if (!is_same)
      note_replaced(path);
    if (::unlinkat(folder, file.name.c_str(), 0) == 0 || errno == ENOENT)
      return {};
    return remove_tree(Path("/proc/self/fd/" + std::to_string(folder)) / file.name);
  }

  Result<void> keep(const File& file, bool is_same) {
    if (!is_same)
      note_replaced(path_in(folders_[file.folder], file.name));
    return {};
  }

  void note_replaced(const std::string& path) {
    const std::lock_guard guard(mutex_);
    replaced_.push_back(path);
  }

  std::string shown(const std::string& path) const { return (destination_ / path).string(); }

  const ObjectStore& objects_;
  const Path destination_;
  const LayOut mode_;
  const Place place_;
  const mode_t umask_;  ///< what has to be set after it
  Fd root_;
  Fd store_;
  Fd parent_;  ///< of the last folder,
  std::string parent_path_;
  std::vector<Folder> folders_{{".", {}}};
  std::vector<std::size_t> above_{0};  ///< those on the way to the last entry
  std::vector<File> files_;
  std::vector<std::pair<std::size_t, std::string>> hidden_;  ///< each in a folder
  WorkAmount all_;
  std::mutex mutex_;
  std::vector<std::string> replaced_;
};

}  // namespace

Result<void> lay_out(const ObjectStore& objects,
                     const TreeDifference& difference,
                     const Path& destination) {
  Layout layout(objects, destination, LayOut::shared, Place::of_job);
  for (const TreeDifference::Entry& each : difference.entries)
    if (each.entry)
      layout.add(each.path, *each.entry, each.attributes);
    else
      layout.hide(each.path);
  return layout.write();
}

Result<void> ObjectStore::copy_content(const TreeFile& file, int target) const {
  DSTACK_TRY(const Fd store, open_file(home_.root.string(), O_RDONLY | O_DIRECTORY));
  DSTACK_TRY(const StoredContent content,
             StoredContent::open(*this, store.get(), file.type, file.digest, file.size));
  return content.copy_to(target);
}

Result<void> ObjectStore::lay_out(const job::TreeReference& reference,
                                  const Path& destination,
                                  LayOut mode,
                                  std::vector<std::string>* replaced,
                                  Place place) const {
  Layout layout(*this, destination, mode, place);
  DSTACK_CHECK(layout.read(reference));
  DSTACK_CHECK(layout.write());
  if (replaced != nullptr)
    for (std::string& path : layout.take_replaced())
      replaced->push_back(std::move(path));
  return {};
}

}  // namespace dstack::store

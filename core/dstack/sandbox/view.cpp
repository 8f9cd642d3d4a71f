#include "dstack/sandbox/view.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/text.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace dstack::sandbox {

namespace {

/// With all that is mounted below it; seen by nobody until it is placed.
struct Tree {
  Fd mount;
  std::string at;
  bool is_folder = true;
};

/// Devices without hardware behind them.
constexpr const char* plain_devices[] = {
    "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"};

/// What root could change the machine by, also from within a user namespace.
constexpr const char* read_only_in_proc[] = {
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
constexpr const char* hidden_in_proc[] = {
    "/proc/kcore", "/proc/keys", "/proc/sched_debug", "/proc/timer_list"};

constexpr std::pair<const char*, const char*> links[] = {{"/proc/self/fd", "/dev/fd"},
                                                         {"/proc/self/fd/0", "/dev/stdin"},
                                                         {"/proc/self/fd/1", "/dev/stdout"},
                                                         {"/proc/self/fd/2", "/dev/stderr"},
                                                         {"pts/ptmx", "/dev/ptmx"},
                                                         {"/run", "/var/run"}};

/// `name`: of the mount, for messages.
Result<void> set_attributes(int mount,
                            const std::string& name,
                            const char* path,
                            unsigned flags,
                            std::uint64_t attributes) {
  mount_attr wanted{};
  wanted.attr_set = attributes;
  if (::mount_setattr(mount, path, flags, &wanted, sizeof wanted) == 0)
    return {};
  if (errno == ENOSYS)
    return fail(ErrorCode::unavailable,
                "this kernel cannot make all that is mounted below a folder read-only, which takes "
                "Linux 5.12");
  return fail_errno("cannot protect '{}' in the sandbox", name);
}

/// Devices keep their own attributes.
enum class Kind { files, device };

Result<Tree> take(const std::string& source, const std::string& at, Use use, Kind kind) {
  Tree tree;
  tree.at = at;
  tree.mount =
      Fd(::open_tree(AT_FDCWD, source.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
  if (!tree.mount)
    return fail_errno("cannot open '{}' for the sandbox", source);

  struct stat status {};

  ::fstat(tree.mount.get(), &status);
  tree.is_folder = S_ISDIR(status.st_mode);
  std::uint64_t attributes = MOUNT_ATTR_NOSUID;
  if (kind == Kind::files)
    attributes |= MOUNT_ATTR_NODEV | (use == Use::read ? std::uint64_t{MOUNT_ATTR_RDONLY} : 0U);
  DSTACK_CHECK(
      set_attributes(tree.mount.get(), source, "", AT_EMPTY_PATH | AT_RECURSIVE, attributes));
  return tree;
}

/// Of the new process ids. It is mounted while the machine's own is seen: later the kernel refuses.
Result<Tree> take_new_proc() {
  const Fd context(::fsopen("proc", FSOPEN_CLOEXEC));
  Tree tree;
  tree.at = "/proc";
  if (context && ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0)
    tree.mount = Fd(::fsmount(
        context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  if (!tree.mount)
    return fail_errno("the kernel refuses a /proc of own process ids");
  return tree;
}

class View {
 public:
  explicit View(const Confinement& confinement) : confinement_(confinement) {}

  /// While the machine's files are still seen.
  Result<void> take_all() {
    for (const std::string& folder : system_folders())
      DSTACK_CHECK(take_of_system(folder));
    if (confinement_.own_processes) {
      DSTACK_TRY(Tree proc, take_new_proc());
      first_.push_back(std::move(proc));
    } else {
      DSTACK_CHECK(add(first_, "/proc", "/proc", Use::write, Kind::files));
    }
    for (const char* device : plain_devices)
      if (::access(device, F_OK) == 0)
        DSTACK_CHECK(add(first_, device, device, Use::write, Kind::device));
    for (const std::string& device : confinement_.devices)
      DSTACK_CHECK(add(first_, device, device, Use::write, Kind::device));
    for (const Opened& opened : confinement_.opened)
      DSTACK_CHECK(add(opened_, opened.source, opened.at, opened.use, Kind::files));
    for (const Opened& opened : confinement_.own)
      DSTACK_CHECK(add(own_, opened.source, opened.at, opened.use, Kind::files));
    return {};
  }

  /// Nothing of the machine's is seen afterwards.
  Result<void> change_root() const {
    const char* base = confinement_.base.c_str();
    if (::mount("tmpfs", base, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") != 0)
      return fail_errno("cannot mount a root for the sandbox");
    // The old root comes to lie on the new one, and is taken away from there.
    if (::chdir(base) != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0 ||
        ::umount2(".", MNT_DETACH) != 0 || ::chdir("/") != 0)
      return fail_errno("cannot change the root for the sandbox");
    return {};
  }

  Result<void> place_all() {
    for (const char* folder : {"/dev", "/proc", "/run", "/var", "/tmp"})
      DSTACK_CHECK(make_folders(folder));
    for (const auto& [text, at] : system_links_)
      DSTACK_CHECK(make_link(text, at));
    DSTACK_CHECK(place(first_));
    DSTACK_CHECK(fill_dev());
    DSTACK_CHECK(protect_proc());
    for (const auto& [text, at] : links)
      DSTACK_CHECK(make_link(text, at));
    DSTACK_CHECK(place(opened_));
    DSTACK_CHECK(hide());
    DSTACK_CHECK(place(own_));
    empty_.emplace_back("/");
    for (const std::string& folder : empty_)
      DSTACK_CHECK(set_attributes(AT_FDCWD, folder, folder.c_str(), 0, MOUNT_ATTR_RDONLY));
    return {};
  }

 private:
  static Result<void> add(std::vector<Tree>& trees,
                          const std::string& source,
                          const std::string& at,
                          Use use,
                          Kind kind) {
    DSTACK_TRY(Tree tree, take(source, at, use, kind));
    trees.push_back(std::move(tree));
    return {};
  }

  /// /bin is a link to /usr/bin on most systems.
  Result<void> take_of_system(const std::string& folder) {
    boost::system::error_code error;
    const auto status = fs::symlink_status(folder, error);
    if (fs::is_symlink(status))
      system_links_.emplace_back(fs::read_symlink(folder, error).string(), folder);
    else if (fs::is_directory(status))
      return add(first_, folder, folder, Use::read, Kind::files);
    return {};
  }

  static Result<void> make_link(const std::string& text, const std::string& at) {
    if (::symlink(text.c_str(), at.c_str()) != 0 && errno != EEXIST)
      return fail_errno("cannot make the link '{}' of the sandbox", at);
    return {};
  }

  static Result<void> make_place(const Tree& tree) {
    struct stat status {};

    if (::stat(tree.at.c_str(), &status) == 0)
      return {};
    if (tree.is_folder)
      return make_folders(tree.at);
    DSTACK_CHECK(make_folders(Path(tree.at).parent_path()));
    const Fd file(::open(tree.at.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    if (!file)
      return fail_errno("cannot make '{}' in the sandbox", tree.at);
    return {};
  }

  static Result<void> place(const std::vector<Tree>& trees) {
    for (const Tree& tree : trees) {
      DSTACK_CHECK(make_place(tree));
      if (::move_mount(tree.mount.get(), "", AT_FDCWD, tree.at.c_str(), MOVE_MOUNT_F_EMPTY_PATH) !=
          0)
        return fail_errno("cannot show '{}' in the sandbox", tree.at);
    }
    return {};
  }

  static Result<void> mount_new(const char* type,
                                const char* at,
                                unsigned long flags,
                                const char* options) {
    DSTACK_CHECK(make_folders(at));
    if (::mount(type, at, type, flags, options) != 0)
      return fail_errno("cannot mount '{}' in the sandbox", at);
    return {};
  }

  static Result<void> fill_dev() {
    DSTACK_CHECK(mount_new("tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777"));
    return mount_new(
        "devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620");
  }

  static Result<void> protect_proc() {
    for (const char* path : read_only_in_proc)
      if (::access(path, F_OK) == 0)
        DSTACK_CHECK(cover(path, path, Use::read, Kind::files));
    for (const char* path : hidden_in_proc)
      if (::access(path, F_OK) == 0)
        DSTACK_CHECK(cover("/dev/null", path, Use::write, Kind::device));
    return {};
  }

  static Result<void> cover(const char* source, const char* at, Use use, Kind kind) {
    std::vector<Tree> trees;
    DSTACK_CHECK(add(trees, source, at, use, kind));
    return place(trees);
  }

  Result<void> hide() {
    for (const std::string& folder : confinement_.hidden) {
      struct stat status {};

      if (::stat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
        continue;
      DSTACK_CHECK(mount_new("tmpfs", folder.c_str(), MS_NOSUID | MS_NODEV, "mode=0755"));
      empty_.push_back(folder);
    }
    return {};
  }

  const Confinement& confinement_;
  std::vector<Tree> first_;
  std::vector<Tree> opened_;
  std::vector<Tree> own_;
  std::vector<std::pair<std::string, std::string>> system_links_;
  std::vector<std::string> empty_;  ///< mounts that hold nothing but places for others
};

}  // namespace

Result<void> enter_view(const Confinement& confinement) {
  View view(confinement);
  DSTACK_CHECK(view.take_all());
  DSTACK_CHECK(view.change_root());
  return view.place_all();
}

}  // namespace dstack::sandbox

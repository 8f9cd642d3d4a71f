#include "dstack/overlay/mount.hpp"

#include "dstack/base/text.hpp"
#include "dstack/overlay/written.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace dstack::overlay {

namespace {

/// Each step of the newer calls; the kernel says more of a failure than a number.
class Configuration {
 public:
  Configuration() : context_(::fsopen("overlay", FSOPEN_CLOEXEC)) {}

  explicit operator bool() const { return bool(context_); }

  bool set(const char* key, const std::string& value) {
    return ::fsconfig(context_.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0) == 0;
  }

  bool set(const char* flag) {
    return ::fsconfig(context_.get(), FSCONFIG_SET_FLAG, flag, nullptr, 0) == 0;
  }

  Fd create() {
    if (::fsconfig(context_.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
      return {};
    return Fd(::fsmount(context_.get(), FSMOUNT_CLOEXEC, 0));
  }

  /// What the kernel says of the step that failed last, of which `errno` is left.
  /// "e overlay: …": errors are what is wanted, not warnings.
  Failure failure() const {
    const int error = errno;
    char line[512];
    for (;;) {
      const ssize_t count = ::read(context_.get(), line, sizeof line);
      const std::string_view text(line, static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
      if (count <= 0 || line[0] == 'e')
        return fail(ErrorCode::unavailable,
                    "the kernel refuses an overlay: {}",
                    count <= 0 ? std::string_view(std::strerror(error)) : trim(text.substr(1)));
    }
  }

 private:
  Fd context_;
};

/// The kernel's own defaults may differ from system to system: what a lower folder holds is never
/// referred to from above.
constexpr std::pair<const char*, const char*> fixed_options[] = {
    {"redirect_dir", "nofollow"}, {"metacopy", "off"}, {"index", "off"}};

bool can_set(const Path& folder, const char* attribute) {
  if (::setxattr(folder.c_str(), attribute, "y", 1, 0) != 0)
    return false;
  (void)::removexattr(folder.c_str(), attribute);
  return true;
}

/// Attributes in which the kernel notes which folders replace a lower one.
enum class Attributes { trusted, user };

/// Without any the kernel mounts, and then refuses to remove folders. Those that only root may set
/// are refused to the root of a user namespace, such as that of a container of an ordinary user.
Result<Attributes> find_attributes(const Path& folder, Access access) {
  if (access == Access::root && can_set(folder, "trusted.overlay.dstack"))
    return Attributes::trusted;
  if (can_set(folder, "user.overlay.dstack"))
    return Attributes::user;
  return fail_errno("'{}' is on a file system without extended attributes", folder.string());
}

/// The folders of an overlay, the writable ones as seen from Overlay::lower_in.
struct Folders {
  const Overlay& overlay;
  std::string written;
  std::string work;
  Attributes attributes;
};

/// All but the lower folders.
std::vector<std::pair<const char*, std::string>> options_of(const Folders& folders) {
  std::vector<std::pair<const char*, std::string>> options = {{"upperdir", folders.written},
                                                              {"workdir", folders.work}};
  options.insert(options.end(), std::begin(fixed_options), std::end(fixed_options));
  return options;
}

/// Flags, without a value.
std::vector<const char*> flags_of(const Folders& folders) {
  return folders.attributes == Attributes::user ? std::vector<const char*>{"volatile", "userxattr"}
                                                : std::vector<const char*>{"volatile"};
}

/// The options are one text, which the kernel cuts at the end of a page without a word.
Result<void> mount_by_text(const Folders& folders) {
  std::string options = "lowerdir=" + join(folders.overlay.lower, ":");
  for (const auto& [key, value] : options_of(folders))
    options += fmt::format(",{}={}", key, value);
  for (const char* flag : flags_of(folders))
    options += fmt::format(",{}", flag);
  constexpr std::size_t longest = 4095;
  if (options.size() > longest)
    return fail(ErrorCode::unavailable,
                "{} layers are more than this kernel can overlay",
                folders.overlay.lower.size());
  if (::mount("overlay", folders.overlay.at.c_str(), "overlay", 0, options.c_str()) != 0)
    return fail_errno("the kernel refuses an overlay");
  return {};
}

Result<void> mount_one_by_one(const Folders& folders, Configuration& configuration) {
  for (std::size_t i = 1; i < folders.overlay.lower.size(); ++i)
    if (!configuration.set("lowerdir+", folders.overlay.lower[i]))
      return configuration.failure();
  for (const auto& [key, value] : options_of(folders))
    if (!configuration.set(key, value))
      return configuration.failure();
  for (const char* flag : flags_of(folders))
    if (!configuration.set(flag))
      return configuration.failure();
  const Fd made = configuration.create();
  if (!made)
    return configuration.failure();
  const Path& at = folders.overlay.at;
  if (::move_mount(made.get(), "", AT_FDCWD, at.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return fail_errno("the kernel refuses an overlay at '{}'", at.string());
  return {};
}

/// From the folder of the lower ones.
Result<void> mount_from_here(const Folders& folders, Options options) {
  if (options == Options::text)
    return mount_by_text(folders);
  Configuration configuration;
  if (!configuration)
    return mount_by_text(folders);
  // What an older kernel does not know is the name of the option.
  if (!configuration.set("lowerdir+", folders.overlay.lower.front()))
    return errno == EINVAL ? mount_by_text(folders) : configuration.failure();
  return mount_one_by_one(folders, configuration);
}

/// Only this flag: in a user namespace nobody may take away others, such as that of a /tmp without
/// devices.
int set_read_only(const Path& folder) {
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  if (::mount_setattr(AT_FDCWD, folder.c_str(), 0, &attributes, sizeof attributes) == 0)
    return 0;
  if (errno != ENOSYS)
    return -1;
  return ::mount(nullptr, folder.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr);
}

/// A work folder that another mount has left behind makes the mount read-only, without an error.
Result<void> check_writable(const Path& at) {
  struct statvfs status {};

  if (::statvfs(at.c_str(), &status) == 0 && (status.f_flag & ST_RDONLY) == 0)
    return {};
  unmount(at);
  return fail(ErrorCode::unavailable, "the kernel mounts the overlay read-only");
}

/// In a child: everything that a job's workspace needs, once.
Result<void> try_once(const Path& folder, Access access) {
  DSTACK_TRY(const auto in, Namespace::enter(access));
  Overlay overlay{folder, {"lower"}, folder / "written", folder / "work", folder / "seen"};
  DSTACK_CHECK(mount(overlay, in));
  if (::rmdir((overlay.at / "folder").c_str()) != 0 ||
      ::mkdir((overlay.at / "folder").c_str(), 0700) != 0)
    return fail_errno("folders cannot be replaced in an overlay");
  DSTACK_TRY(const Written written, read_written(overlay.written));
  if (!written.hides("folder/file"))
    return fail(ErrorCode::unavailable, "what an overlay has written cannot be read");
  return {};
}

Result<void> make_trial(const Path& folder) {
  for (const char* name : {"lower/folder", "written", "work", "seen"})
    DSTACK_CHECK(make_folders(folder / name));
  return {};
}

std::string hint_for(Access access) {
  const std::string reason = describe_refusal();
  if (access == Access::user && !reason.empty())
    return reason + "; where an administrator allows them, workspaces need no copies";
  return "until then workspaces are copied, which is slower and otherwise the same";
}

/// Forked, not started anew: it has no other thread, and nothing but system calls to make.
Result<void> try_in_child(const Path& folder, Access access) {
  DSTACK_TRY(Pipe answer, make_pipe());
  const pid_t child = ::fork();
  if (child < 0)
    return fail_errno("cannot start a process");
  if (child == 0) {
    const auto tried = try_once(folder, access);
    (void)write_all(answer.write_end.get(), tried ? std::string("ok") : tried.error().message);
    ::_exit(0);
  }
  answer.write_end.reset();
  const auto text = read_all(answer.read_end.get());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (text && *text == "ok")
    return {};
  return fail(ErrorCode::unavailable, "{}", text.value_or("it ended"));
}

}  // namespace

Result<void> mount(const Overlay& overlay, const Namespace& in, Options options) {
  if (overlay.lower.size() > most_layers)
    return fail(ErrorCode::unavailable,
                "{} layers are more than a kernel can overlay",
                overlay.lower.size());
  DSTACK_TRY(const Attributes attributes, find_attributes(overlay.written, in.access()));
  // From within, so that the names are short and need no escape.
  if (::chdir(overlay.lower_in.c_str()) != 0)
    return fail_errno("cannot enter '{}'", overlay.lower_in.string());
  const Path here = real_path(overlay.lower_in);
  const auto from_here = [&](const Path& path) {
    return real_path(path).lexically_relative(here).string();
  };
  auto mounted = mount_from_here(
      {overlay, from_here(overlay.written), from_here(overlay.work), attributes}, options);
  if (::chdir("/") != 0 && mounted)
    mounted = fail_errno("cannot enter '/'");
  DSTACK_CHECK(mounted);
  return check_writable(overlay.at);
}

Result<void> make_read_only(const Path& folder) {
  if (::mount(folder.c_str(), folder.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0 ||
      set_read_only(folder) != 0)
    return fail_errno("cannot make '{}' read-only", folder.string());
  return {};
}

void unmount(const Path& at) {
  (void)::umount2(at.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
}

Result<Access> try_in(const Path& folder) {
  DSTACK_TRY(const TemporaryFolder trial, TemporaryFolder::make(folder, "overlay-"));
  DSTACK_CHECK(make_trial(trial.path()));
  const Access access = usual_access();
  auto tried = try_in_child(trial.path(), access);
  if (!tried)
    return fail(ErrorCode::unavailable, "{}", tried.error().message)
        .with_hint("{}", hint_for(access));
  return access;
}

}  // namespace dstack::overlay

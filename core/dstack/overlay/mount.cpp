#include "dstack/overlay/mount.hpp"

#include "dstack/base/text.hpp"
#include "dstack/overlay/written.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace dstack::overlay {

namespace {

// Of fsconfig(2), which limits a value.
constexpr std::size_t most_layers = 500;

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

  /// "e overlay: …": errors are what is wanted, not warnings.
  std::string message() const {
    char line[512];
    for (;;) {
      const ssize_t count = ::read(context_.get(), line, sizeof line);
      if (count <= 0)
        return std::strerror(error_);
      if (line[0] == 'e')
        return std::string(trim(std::string_view(line, static_cast<std::size_t>(count)).substr(1)));
    }
  }

  void note_error() { error_ = errno; }

 private:
  Fd context_;
  int error_ = 0;
};

/// The kernel's own defaults may differ from system to system: what a lower folder holds is never
/// referred to from above.
constexpr std::pair<const char*, const char*> fixed_options[] = {
    {"redirect_dir", "nofollow"}, {"metacopy", "off"}, {"index", "off"}};

Fd create(Configuration& configuration,
          const Overlay& overlay,
          const std::string& written,
          const std::string& work,
          Access access) {
  for (const std::string& layer : overlay.lower)
    if (!configuration.set("lowerdir+", layer))
      return {};
  for (const auto& [key, value] : fixed_options)
    if (!configuration.set(key, value))
      return {};
  if (!configuration.set("upperdir", written) || !configuration.set("workdir", work) ||
      !configuration.set("volatile") || (access == Access::user && !configuration.set("userxattr")))
    return {};
  return configuration.create();
}

/// Before Linux 6.8, where the options are one text of at most a page, which is cut without a word.
Result<void> mount_by_text(const Overlay& overlay,
                           const std::string& written,
                           const std::string& work,
                           Access access) {
  std::string options = fmt::format("upperdir={},workdir={},volatile", written, work);
  for (const auto& [key, value] : fixed_options)
    options += fmt::format(",{}={}", key, value);
  if (access == Access::user)
    options += ",userxattr";
  options += ",lowerdir=" + join(overlay.lower, ":");
  constexpr std::size_t longest = 4095;
  if (options.size() > longest)
    return fail(ErrorCode::unavailable,
                "{} layers are more than this kernel can overlay",
                overlay.lower.size());
  if (::mount("overlay", overlay.at.c_str(), "overlay", 0, options.c_str()) != 0)
    return fail_errno("the kernel refuses an overlay");
  return {};
}

Result<void> mount_from_here(const Overlay& overlay,
                             const std::string& written,
                             const std::string& work,
                             Access access) {
  Configuration configuration;
  if (!configuration)
    return mount_by_text(overlay, written, work, access);
  const Fd made = create(configuration, overlay, written, work, access);
  configuration.note_error();
  if (!made) {
    // An older one does not know "lowerdir+".
    if (mount_by_text(overlay, written, work, access))
      return {};
    return fail(
        ErrorCode::unavailable, "the kernel refuses an overlay: {}", configuration.message());
  }
  if (::move_mount(made.get(), "", AT_FDCWD, overlay.at.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return fail_errno("the kernel refuses an overlay at '{}'", overlay.at.string());
  return {};
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

/// A folder that replaces a lower one is marked by an attribute: without, the kernel mounts, and
/// then refuses to remove folders.
Result<void> check_attributes(const Path& folder, Access access) {
  const char* name = access == Access::user ? "user.overlay.dstack" : "trusted.overlay.dstack";
  if (::setxattr(folder.c_str(), name, "y", 1, 0) != 0)
    return fail_errno("'{}' is on a file system without extended attributes", folder.string());
  (void)::removexattr(folder.c_str(), name);
  return {};
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

Result<void> mount(const Overlay& overlay, const Namespace& in) {
  if (overlay.lower.size() > most_layers)
    return fail(ErrorCode::unavailable,
                "{} layers are more than a kernel can overlay",
                overlay.lower.size());
  DSTACK_CHECK(check_attributes(overlay.written, in.access()));
  // From within, so that the names are short and need no escape.
  if (::chdir(overlay.lower_in.c_str()) != 0)
    return fail_errno("cannot enter '{}'", overlay.lower_in.string());
  const Path here = real_path(overlay.lower_in);
  const auto from_here = [&](const Path& path) {
    return real_path(path).lexically_relative(here).string();
  };
  auto mounted =
      mount_from_here(overlay, from_here(overlay.written), from_here(overlay.work), in.access());
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

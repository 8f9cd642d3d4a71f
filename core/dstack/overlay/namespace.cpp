#include "dstack/overlay/namespace.hpp"

#include "dstack/base/file.hpp"
#include "dstack/base/text.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

namespace dstack::overlay {

namespace {

Result<void> write_to(const char* path, const std::string& text) {
  DSTACK_TRY(const Fd file, open_file(path, O_WRONLY));
  return write_all(file.get(), text);
}

/// The caller's numbers stay what they are; all others are those of nobody.
Result<void> keep_own_numbers(uid_t user, gid_t group) {
  DSTACK_CHECK(write_to("/proc/self/setgroups", "deny"));
  DSTACK_CHECK(write_to("/proc/self/uid_map", fmt::format("{} {} 1", user, user)));
  return write_to("/proc/self/gid_map", fmt::format("{} {} 1", group, group));
}

bool is_setting(const char* path, std::string_view value) {
  return trim(read_kernel_file(path).value_or("")) == value;
}

}  // namespace

Result<Namespace> Namespace::enter(Access access) {
  Fd outside(::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  const int flags = access == Access::user ? CLONE_NEWUSER | CLONE_NEWNS : CLONE_NEWNS;
  if (::unshare(flags) != 0)
    return fail_errno("cannot make a mount namespace");
  if (access == Access::user)
    DSTACK_CHECK(keep_own_numbers(user, group));
  // What is mounted outside later is seen here as well, and nothing of here is seen outside.
  if (::mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0)
    return fail_errno("cannot separate the mounts of a namespace");
  return Namespace(access, std::move(outside));
}

void Namespace::leave() const {
  if (access_ == Access::root && outside_)
    (void)::setns(outside_.get(), CLONE_NEWNS);
}

Access usual_access() {
  constexpr unsigned system_administration = 21;  // CAP_SYS_ADMIN, capabilities(7)
  const std::string status = read_kernel_file("/proc/self/status").value_or("");
  constexpr std::string_view label = "\nCapEff:\t";
  const std::size_t at = status.find(label);
  if (at == std::string::npos)
    return Access::user;
  const auto set = std::strtoull(status.c_str() + at + label.size(), nullptr, 16);
  return (set >> system_administration & 1) != 0 ? Access::root : Access::user;
}

std::string describe_refusal() {
  if (is_setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"))
    return "AppArmor keeps user namespaces from programs without a profile "
           "(kernel.apparmor_restrict_unprivileged_userns is 1), and that of the Debian package, "
           "'share/dstack/apparmor.d/dstack', is not in '/etc/apparmor.d' or is not loaded";
  if (is_setting("/proc/sys/kernel/unprivileged_userns_clone", "0"))
    return "user namespaces are switched off (kernel.unprivileged_userns_clone is 0)";
  if (is_setting("/proc/sys/user/max_user_namespaces", "0"))
    return "user namespaces are switched off (user.max_user_namespaces is 0)";
  return {};
}

}  // namespace dstack::overlay

#include "dstack/sandbox/privileges.hpp"

#include "dstack/base/fd.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <iterator>

#include <linux/capability.h>
#include <linux/landlock.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace dstack::sandbox {

namespace {

constexpr unsigned kept_by_root[] = {CAP_CHOWN,
                                     CAP_DAC_OVERRIDE,
                                     CAP_FOWNER,
                                     CAP_FSETID,
                                     CAP_KILL,
                                     CAP_NET_BIND_SERVICE,
                                     CAP_SETGID,
                                     CAP_SETUID};

bool is_kept(unsigned capability) {
  return ::geteuid() == 0 &&
         std::find(std::begin(kept_by_root), std::end(kept_by_root), capability) !=
             std::end(kept_by_root);
}

/// struct landlock_ruleset_attr, with what headers before Linux 6.12 do not have.
struct Ruleset {
  std::uint64_t handled_access_fs = 0;
  std::uint64_t handled_access_net = 0;
  std::uint64_t scoped = 0;
};

constexpr std::uint64_t scope_abstract_sockets = 1U << 0U;
constexpr std::uint64_t scope_signals = 1U << 1U;
constexpr long version_with_scopes = 6;

}  // namespace

Result<void> drop_capabilities() {
  std::uint64_t kept = 0;
  for (unsigned capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (is_kept(capability))
      kept |= std::uint64_t{1} << capability;
    else if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
      return fail_errno("cannot drop capability {}", capability);
  }
  (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  for (unsigned half = 0; half < 2; ++half) {
    data[half].permitted = static_cast<std::uint32_t>(kept >> (half * 32));
    data[half].effective = data[half].permitted;
  }
  if (::syscall(SYS_capset, &header, data) != 0)
    return fail_errno("cannot drop capabilities");
  return {};
}

Result<void> scope_signals_and_sockets() {
  if (::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION) <
      version_with_scopes)
    return {};
  const Ruleset ruleset{0, 0, scope_abstract_sockets | scope_signals};
  const Fd rules(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &ruleset, sizeof ruleset, 0)));
  if (!rules || ::syscall(SYS_landlock_restrict_self, rules.get(), 0) != 0)
    return fail_errno("the kernel refuses to confine signals");
  return {};
}

Result<void> raise_loopback() {
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (!socket || ::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0)
    return fail_errno("cannot use the loopback interface of the sandbox");
  return {};
}

}  // namespace dstack::sandbox

#include "dstack/sandbox/call_filter.hpp"

#include <cerrno>
#include <cstddef>

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

namespace dstack::sandbox {

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_X86_64;
/// Numbers from here on are those of the x32 interface.
constexpr std::uint32_t numbers_end = 0x40000000;
#elif defined(__aarch64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_AARCH64;
constexpr std::uint32_t numbers_end = 0x40000000;
#else
#error "the numbers of system calls of this architecture are not known here"
#endif

// Newer than the headers; the same number on all architectures.
constexpr int open_tree_attr = 467;

constexpr int denied_always[] = {
    SYS_add_key, SYS_request_key, SYS_keyctl, SYS_open_by_handle_at, SYS_setns};

constexpr int denied_if_fewer[] = {SYS_ptrace,
                                   SYS_process_vm_readv,
                                   SYS_process_vm_writev,
                                   SYS_process_madvise,
                                   SYS_pidfd_getfd,
                                   SYS_kcmp,
                                   SYS_mount,
                                   SYS_umount2,
                                   SYS_pivot_root,
                                   SYS_chroot,
                                   SYS_move_mount,
                                   SYS_open_tree,
                                   open_tree_attr,
                                   SYS_fsopen,
                                   SYS_fsconfig,
                                   SYS_fsmount,
                                   SYS_fspick,
                                   SYS_mount_setattr,
                                   SYS_unshare,
                                   SYS_bpf,
                                   SYS_perf_event_open,
                                   SYS_userfaultfd,
                                   SYS_init_module,
                                   SYS_finit_module,
                                   SYS_delete_module,
                                   SYS_kexec_load,
                                   SYS_kexec_file_load,
                                   SYS_reboot,
                                   SYS_swapon,
                                   SYS_swapoff,
                                   SYS_acct,
                                   SYS_quotactl,
                                   SYS_settimeofday,
                                   SYS_clock_settime,
                                   SYS_clock_adjtime,
                                   SYS_adjtimex,
                                   SYS_syslog,
                                   SYS_vhangup};

constexpr int absent_if_fewer[] = {
    SYS_clone3, SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register};

constexpr std::uint32_t namespace_flags = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                          CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                                          CLONE_NEWNET;

constexpr std::uint32_t allow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t deny = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t absent = SECCOMP_RET_ERRNO | ENOSYS;

class Program {
 public:
  void load(std::size_t offset) {
    add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
  }

  void result(std::uint32_t value) { add(BPF_RET | BPF_K, value); }

  /// What follows is skipped unless the loaded value is this one.
  void if_equal(std::uint32_t value, std::uint8_t otherwise_skip) {
    add(BPF_JMP | BPF_JEQ | BPF_K, value, 0, otherwise_skip);
  }

  /// What follows is skipped if it is.
  void unless_equal(std::uint32_t value, std::uint8_t skip) {
    add(BPF_JMP | BPF_JEQ | BPF_K, value, skip, 0);
  }

  void if_at_least(std::uint32_t value, std::uint8_t otherwise_skip) {
    add(BPF_JMP | BPF_JGE | BPF_K, value, 0, otherwise_skip);
  }

  void if_any_bit(std::uint32_t bits, std::uint8_t otherwise_skip) {
    add(BPF_JMP | BPF_JSET | BPF_K, bits, 0, otherwise_skip);
  }

  template <std::size_t count>
  void each(const int (&calls)[count], std::uint32_t value) {
    for (const int call : calls) {
      if_equal(static_cast<std::uint32_t>(call), 1);
      result(value);
    }
  }

  /// A call with an argument of which only 32 bits count, on little-endian machines.
  void argument(std::size_t number) {
    load(offsetof(seccomp_data, args) + number * sizeof(std::uint64_t));
  }

  std::vector<sock_filter> take() { return std::move(code_); }

 private:
  void add(int code, std::uint32_t value, std::uint8_t if_true = 0, std::uint8_t if_false = 0) {
    code_.push_back({static_cast<std::uint16_t>(code), if_true, if_false, value});
  }

  std::vector<sock_filter> code_;
};

}  // namespace

std::vector<sock_filter> filter_program(Calls calls) {
  Program program;
  program.load(offsetof(seccomp_data, arch));
  program.unless_equal(architecture, 1);
  program.result(absent);
  program.load(offsetof(seccomp_data, nr));
  program.if_at_least(numbers_end, 1);
  program.result(absent);
  program.each(denied_always, deny);
  program.if_equal(SYS_ioctl, 4);
  program.argument(1);
  program.if_equal(TIOCSTI, 1);
  program.result(deny);
  program.result(allow);
  if (calls == Calls::fewer) {
    program.each(denied_if_fewer, deny);
    program.each(absent_if_fewer, absent);
    program.if_equal(SYS_clone, 4);
    program.argument(0);
    program.if_any_bit(namespace_flags, 1);
    program.result(deny);
    program.result(allow);
  }
  program.result(allow);
  return program.take();
}

Result<void> filter_calls(Calls calls) {
  std::vector<sock_filter> code = filter_program(calls);
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return fail_errno("cannot give up new privileges");
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
    return fail_errno("the kernel refuses a filter of system calls");
  return {};
}

}  // namespace dstack::sandbox

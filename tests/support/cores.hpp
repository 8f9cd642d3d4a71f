// Core files that are really made: where they go, and processes that are made to leave one.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/base/file.hpp"
#include "dstack/base/text.hpp"
#include "support/catch.hpp"

#include <string>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace dstack::test {

/// As long as it lives, processes that this one starts leave core files where it finds them. The
/// superuser chooses the place; others need one that is chosen already.
class CoreFiles {
 public:
  explicit CoreFiles(const Path& folder) {
    ::getrlimit(RLIMIT_CORE, &limit_before_);
    rlimit limit = limit_before_;
    if (::geteuid() == 0)
      limit.rlim_max = RLIM_INFINITY;
    limit.rlim_cur = limit.rlim_max;
    if (limit.rlim_max < (64U << 20) || ::setrlimit(RLIMIT_CORE, &limit) != 0)
      why_not_ = "core files are forbidden here, by 'ulimit -c'";
    // There is one setting for all processes; and who reads it while another test has changed it
    // would put that back.
    lock_ = open_file(file, O_RDONLY).value_or(Fd());
    if (lock_)
      (void)lock_exclusive(lock_.get(), Wait::yes);
    pattern_ = std::string(trim(read_kernel_file(file).value_or("")));
    if (::geteuid() == 0) {
      const std::string ours = (folder / "core.%p").string();
      pattern_before_ = pattern_;
      if (!write_pattern(ours))
        why_not_ = "where core files go cannot be chosen here: " + std::string(file);
      pattern_ = ours;
    } else if (!pattern_.starts_with('/') || pattern_.find("%p") == std::string::npos ||
               ::access(Path(pattern_).parent_path().c_str(), W_OK) != 0) {
      why_not_ = "core files go where an ordinary user finds none: '" + pattern_ + "' in " + file;
    }
  }

  CoreFiles(const CoreFiles&) = delete;
  CoreFiles& operator=(const CoreFiles&) = delete;

  ~CoreFiles() {
    if (!pattern_before_.empty())
      write_pattern(pattern_before_);
    ::setrlimit(RLIMIT_CORE, &limit_before_);
  }

  /// Empty where it works.
  const std::string& why_not() const { return why_not_; }

  /// Of a process that is gone; "" when it left none.
  std::string content_of(int pid) const {
    const Path path = path_of(pid);
    std::string bytes = read_file(path).value_or("");
    ::unlink(path.c_str());
    return bytes;
  }

  /// Ends a process by a signal that makes core files; what it left.
  std::string end(int pid, int signal) const {
    REQUIRE(pid > 0);
    const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    REQUIRE(process);
    REQUIRE(::kill(pid, signal) == 0);
    pollfd polled{process.get(), POLLIN, 0};
    REQUIRE(::poll(&polled, 1, 60'000) == 1);  // its core file is written by then
    return content_of(pid);
  }

 private:
  static constexpr const char* file = "/proc/sys/kernel/core_pattern";

  static bool write_pattern(const std::string& pattern) {
    const auto setting = open_file(file, O_WRONLY);
    return setting && write_all(setting->get(), pattern);
  }

  Path path_of(int pid) const {
    std::string path = pattern_;
    for (std::size_t at = path.find("%p"); at != std::string::npos; at = path.find("%p"))
      path.replace(at, 2, std::to_string(pid));
    return path;
  }

  Fd lock_;
  std::string why_not_;
  rlimit limit_before_{};
  std::string pattern_;
  std::string pattern_before_;  ///< to be put back
};

}  // namespace dstack::test

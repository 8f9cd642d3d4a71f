#include "dstack/store/records/sqlite_calls.hpp"

#include <cerrno>
#include <cstddef>
#include <string_view>

#include <sqlite3.h>
#include <sys/types.h>

namespace dstack::store {

namespace {

constexpr std::string_view opening = "open";

thread_local FailedCall failed_call;
thread_local FailedCall failed_open;

/// Not those that are an answer: there is no such file, or it may not be written.
bool is_trouble(int error) {
  return error == EIO || error == ENOSPC || error == EDQUOT || error == EMFILE || error == ENFILE ||
         error == ENOMEM;
}

template <typename Answer>
bool has_failed(Answer answer) {
  return answer == static_cast<Answer>(-1);
}

bool has_failed(void* answer) {
  return answer == reinterpret_cast<void*>(-1);  // as mmap(2) has it
}

void note(const FailedCall& failed) {
  failed_call = failed;
  if (failed.doing == opening)
    failed_open = failed;
}

/// One for each call, which calls the one that was there.
template <int number, typename Call>
struct Watched;

template <int number, typename Answer, typename... Arguments>
struct Watched<number, Answer(Arguments...)> {
  static inline Answer (*original)(Arguments...) = nullptr;
  static inline const char* doing = "";

  static Answer call(Arguments... arguments) {
    const Answer answer = original(arguments...);
    if (has_failed(answer) && is_trouble(errno))
      note({errno, doing});
    return answer;
  }

  static void install(sqlite3_vfs* vfs, const char* name, const char* verb) {
    doing = verb;
    original = reinterpret_cast<Answer (*)(Arguments...)>(vfs->xGetSystemCall(vfs, name));
    if (original != nullptr)
      vfs->xSetSystemCall(vfs, name, reinterpret_cast<sqlite3_syscall_ptr>(&call));
  }
};

/// In place of the one that SQLite syncs a folder through: each connection would do that at its
/// first commit, because it does not know whether the log's name is durable. Here Database::open()
/// has seen to that, for all connections.
int open_no_folder(const char*, int*) {
  return SQLITE_CANTOPEN;
}

}  // namespace

void watch_sqlite_calls() {
  static const bool done = [] {
    sqlite3_initialize();
    sqlite3_vfs* vfs = sqlite3_vfs_find(nullptr);
    if (vfs == nullptr || vfs->iVersion < 3)
      return false;
    // Their types are those of aSyscall[] in SQLite's os_unix.c.
    Watched<0, int(const char*, int, int)>::install(vfs, "open", "open");
    Watched<1, ssize_t(int, void*, std::size_t)>::install(vfs, "read", "read");
    Watched<2, ssize_t(int, const void*, std::size_t)>::install(vfs, "write", "write");
    Watched<3, ssize_t(int, void*, std::size_t, off_t)>::install(vfs, "pread", "read");
    Watched<4, ssize_t(int, const void*, std::size_t, off_t)>::install(vfs, "pwrite", "write");
    Watched<5, ssize_t(int, void*, std::size_t, off64_t)>::install(vfs, "pread64", "read");
    Watched<6, ssize_t(int, const void*, std::size_t, off64_t)>::install(vfs, "pwrite64", "write");
    Watched<7, int(int, off_t)>::install(vfs, "ftruncate", "write");
    Watched<8, void*(void*, std::size_t, int, int, int, off_t)>::install(vfs, "mmap", "read");
    vfs->xSetSystemCall(
        vfs, "openDirectory", reinterpret_cast<sqlite3_syscall_ptr>(&open_no_folder));
    return true;
  }();
  (void)done;
}

void forget_failed_call() {
  failed_call = {};
}

FailedCall last_failed_call() {
  return failed_call;
}

FailedCall last_failed_open() {
  return failed_open;
}

}  // namespace dstack::store

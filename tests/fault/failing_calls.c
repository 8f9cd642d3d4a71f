/* For LD_PRELOAD: of the calls by which a process reads and writes files, starts programs and sends
 * messages, the one at FAULT_AT kills the process, or fails with FAULT_ERRNO.
 *
 *   FAULT_IN, FAULT_AT, FAULT_ERRNO   as in fault.h; without an error the process is killed
 *   FAULT_INSTANCE=2                  of several processes of that role, the second to start
 *   FAULT_BOARD=FILE                  of the size of fault_board: what happened, also after a kill
 *
 * Killing counts the calls that change something; an error counts those that can have that error.
 */
#include "fault_board.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
  changes = 1,      /* something on disk, or in another process */
  takes_room = 2,   /* ENOSPC */
  touches_disk = 4, /* EIO */
  descriptors = 8,  /* EMFILE */
  memory = 16,      /* ENOMEM */
  waits = 32,       /* EINTR */
  again = 64,       /* EAGAIN */
};

static struct fault_board* board;
static unsigned long fault_at;
static int goes_on;
static int error;
static int counted; /* the kind of calls */

static long plain(long number, long a, long b, long c, long d) {
  static long (*next)(long, ...);
  if (next == NULL)
    next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  return next(number, a, b, c, d);
}

static int kind_of(int number) {
  switch (number) {
    case 0:
      return changes;
    case ENOSPC:
      return takes_room;
    case EIO:
      return touches_disk;
    case EMFILE:
      return descriptors;
    case ENOMEM:
      return memory;
    case EINTR:
      return waits;
    case EAGAIN:
      return again;
    default:
      return ~0;
  }
}

/* Whether this process has the role: the program's name does not matter, its first argument does.
 */
static int has_role(const char* role) {
  char words[4096] = "";
  const int file =
      (int)plain(SYS_openat, AT_FDCWD, (long)"/proc/self/cmdline", O_RDONLY | O_CLOEXEC, 0);
  if (file < 0)
    return 0;
  plain(SYS_read, file, (long)words, sizeof words - 1, 0);
  plain(SYS_close, file, 0, 0, 0);
  return strcmp(words + strlen(words) + 1, role) == 0;
}

__attribute__((constructor)) static void choose(void) {
  const char* in = getenv("FAULT_IN");
  const char* at = getenv("FAULT_AT");
  const char* file = getenv("FAULT_BOARD");
  const char* number = getenv("FAULT_ERRNO");
  const char* instance = getenv("FAULT_INSTANCE");
  char* rest = NULL;
  struct fault_board* all = NULL;
  int fd = -1;
  if (in == NULL || at == NULL || file == NULL || !has_role(in))
    return;
  fd = (int)plain(SYS_openat, AT_FDCWD, (long)file, O_RDWR | O_CLOEXEC, 0);
  if (fd < 0)
    return;
  all = mmap(NULL, sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  plain(SYS_close, fd, 0, 0, 0);
  if (all == MAP_FAILED)
    return;
  if (atomic_fetch_add(&all->processes, 1) + 1 != (unsigned)(instance == NULL ? 1 : atoi(instance)))
    return;
  fault_at = strtoul(at, &rest, 10);
  goes_on = *rest == '+';
  error = number == NULL ? 0 : atoi(number);
  counted = kind_of(error);
  board = all;
}

static void copy_text(char* to, size_t size, const char* from) {
  size_t i = 0;
  for (; from[i] != '\0' && i + 1 < size; ++i)
    to[i] = from[i];
  to[i] = '\0';
}

/* Once: for which call, and on what. */
static void tell(const char* call, const char* path, int fd) {
  unsigned expected = 0;
  if (!atomic_compare_exchange_strong(&board->hits, &expected, 1))
    return;
  copy_text(board->call, sizeof board->call, call);
  if (path != NULL) {
    copy_text(board->path, sizeof board->path, path);
  } else if (fd >= 0) {
    char link[64];
    long size = 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    size = plain(SYS_readlinkat, AT_FDCWD, (long)link, (long)board->path, sizeof board->path - 1);
    board->path[size < 0 ? 0 : size] = '\0';
  }
}

/* Counts a call; whether it has to fail. Does not return where the process is to die. */
static int fails(const char* call, int kinds, const char* path, int fd) {
  const int before = errno;
  unsigned long count = 0;
  if (board == NULL || (kinds & counted) == 0)
    return 0;
  count = atomic_fetch_add(&board->calls, 1) + 1;
  if (count != fault_at && !(goes_on && count > fault_at && !board->is_over)) {
    errno = before;
    return 0;
  }
  tell(call, path, fd);
  if (error == 0) {
    plain(SYS_kill, plain(SYS_getpid, 0, 0, 0, 0), SIGKILL, 0, 0);
    for (;;)
      pause();
  }
  errno = error;
  return 1;
}

static int is_disk(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
}

/* What a write can say: a pipe that a reader closed, and a terminal, are other subjects. */
static int kinds_of_write(int fd) {
  return is_disk(fd) ? changes | takes_room | touches_disk | waits : changes | waits;
}

static int kinds_of_read(int fd) {
  return is_disk(fd) ? touches_disk | waits : waits;
}

static int kinds_of_open(int flags) {
  const int common = touches_disk | descriptors | memory | waits;
  return (flags & (O_CREAT | O_TRUNC)) != 0 ? common | changes | takes_room : common;
}

#define NEXT(function)           \
  static typeof(&function) next; \
  if (next == NULL)              \
  next = (typeof(&function))dlsym(RTLD_NEXT, #function)

#define FAILING(type, function, parameters, arguments, kinds, path, fd, bad) \
  type function parameters {                                                 \
    NEXT(function);                                                          \
    if (fails(#function, kinds, path, fd))                                   \
      return bad;                                                            \
    return next arguments;                                                   \
  }

#define OPENING(function, parameters, arguments, path)                                    \
  int function parameters {                                                               \
    mode_t mode = 0;                                                                      \
    NEXT(function);                                                                       \
    if ((flags & (O_CREAT | O_TMPFILE)) != 0) {                                           \
      va_list rest;                                                                       \
      va_start(rest, flags);                                                              \
      mode = va_arg(rest, mode_t);                                                        \
      va_end(rest);                                                                       \
    }                                                                                     \
    if (fails((flags & O_CREAT) != 0 ? "creat" : "open", kinds_of_open(flags), path, -1)) \
      return -1;                                                                          \
    return next arguments;                                                                \
  }

OPENING(open, (const char* path, int flags, ...), (path, flags, mode), path)
OPENING(open64, (const char* path, int flags, ...), (path, flags, mode), path)
OPENING(openat, (int at, const char* path, int flags, ...), (at, path, flags, mode), path)
OPENING(openat64, (int at, const char* path, int flags, ...), (at, path, flags, mode), path)

FAILING(
    ssize_t, read, (int fd, void* to, size_t size), (fd, to, size), kinds_of_read(fd), NULL, fd, -1)
FAILING(ssize_t,
        pread64,
        (int fd, void* to, size_t size, off64_t at),
        (fd, to, size, at),
        kinds_of_read(fd),
        NULL,
        fd,
        -1)
FAILING(ssize_t,
        write,
        (int fd, const void* from, size_t size),
        (fd, from, size),
        kinds_of_write(fd),
        NULL,
        fd,
        -1)
FAILING(ssize_t,
        writev,
        (int fd, const struct iovec* parts, int count),
        (fd, parts, count),
        kinds_of_write(fd),
        NULL,
        fd,
        -1)
FAILING(ssize_t,
        pwrite,
        (int fd, const void* from, size_t size, off_t at),
        (fd, from, size, at),
        kinds_of_write(fd),
        NULL,
        fd,
        -1)
FAILING(ssize_t,
        pwrite64,
        (int fd, const void* from, size_t size, off64_t at),
        (fd, from, size, at),
        kinds_of_write(fd),
        NULL,
        fd,
        -1)
FAILING(int, fsync, (int fd), (fd), changes | takes_room | touches_disk, NULL, fd, -1)
FAILING(int, fdatasync, (int fd), (fd), changes | takes_room | touches_disk, NULL, fd, -1)
FAILING(int, syncfs, (int fd), (fd), changes | touches_disk, NULL, fd, -1)
FAILING(int,
        ftruncate,
        (int fd, off_t size),
        (fd, size),
        changes | takes_room | touches_disk | waits,
        NULL,
        fd,
        -1)
FAILING(int,
        ftruncate64,
        (int fd, off64_t size),
        (fd, size),
        changes | takes_room | touches_disk | waits,
        NULL,
        fd,
        -1)
FAILING(int,
        fallocate,
        (int fd, int mode, off_t at, off_t size),
        (fd, mode, at, size),
        changes | takes_room | touches_disk | waits,
        NULL,
        fd,
        -1)
FAILING(int,
        fallocate64,
        (int fd, int mode, off64_t at, off64_t size),
        (fd, mode, at, size),
        changes | takes_room | touches_disk | waits,
        NULL,
        fd,
        -1)
FAILING(int,
        rename,
        (const char* from, const char* to),
        (from, to),
        changes | takes_room | touches_disk,
        to,
        -1,
        -1)
FAILING(int,
        renameat,
        (int a, const char* from, int b, const char* to),
        (a, from, b, to),
        changes | takes_room | touches_disk,
        to,
        -1,
        -1)
FAILING(int,
        renameat2,
        (int a, const char* from, int b, const char* to, unsigned flags),
        (a, from, b, to, flags),
        changes | takes_room | touches_disk,
        to,
        -1,
        -1)
FAILING(int,
        link,
        (const char* from, const char* to),
        (from, to),
        changes | takes_room | touches_disk,
        to,
        -1,
        -1)
FAILING(int,
        linkat,
        (int a, const char* from, int b, const char* to, int flags),
        (a, from, b, to, flags),
        changes | takes_room | touches_disk,
        to,
        -1,
        -1)
FAILING(int,
        symlink,
        (const char* to, const char* path),
        (to, path),
        changes | takes_room | touches_disk,
        path,
        -1,
        -1)
FAILING(int,
        symlinkat,
        (const char* to, int at, const char* path),
        (to, at, path),
        changes | takes_room | touches_disk,
        path,
        -1,
        -1)
FAILING(int, unlink, (const char* path), (path), changes | touches_disk, path, -1, -1)
FAILING(int,
        unlinkat,
        (int at, const char* path, int flags),
        (at, path, flags),
        changes | touches_disk,
        path,
        -1,
        -1)
FAILING(int, rmdir, (const char* path), (path), changes | touches_disk, path, -1, -1)
FAILING(int,
        mkdir,
        (const char* path, mode_t mode),
        (path, mode),
        changes | takes_room | touches_disk,
        path,
        -1,
        -1)
FAILING(int,
        mkdirat,
        (int at, const char* path, mode_t mode),
        (at, path, mode),
        changes | takes_room | touches_disk,
        path,
        -1,
        -1)
FAILING(char*, mkdtemp, (char* path), (path), changes | takes_room | touches_disk, path, -1, NULL)
FAILING(int,
        mkstemp,
        (char* path),
        (path),
        changes | takes_room | touches_disk | descriptors,
        path,
        -1,
        -1)
FAILING(int,
        mkostemp,
        (char* path, int flags),
        (path, flags),
        changes | takes_room | touches_disk | descriptors,
        path,
        -1,
        -1)
FAILING(
    int, chmod, (const char* path, mode_t mode), (path, mode), changes | touches_disk, path, -1, -1)
FAILING(int, fchmod, (int fd, mode_t mode), (fd, mode), changes | touches_disk, NULL, fd, -1)
FAILING(int,
        futimens,
        (int fd, const struct timespec times[2]),
        (fd, times),
        changes | touches_disk,
        NULL,
        fd,
        -1)
FAILING(int,
        utimensat,
        (int at, const char* path, const struct timespec times[2], int flags),
        (at, path, times, flags),
        changes | touches_disk,
        path,
        at,
        -1)
FAILING(ssize_t,
        copy_file_range,
        (int from, off64_t* from_at, int to, off64_t* to_at, size_t size, unsigned flags),
        (from, from_at, to, to_at, size, flags),
        changes | takes_room | touches_disk,
        NULL,
        to,
        -1)
FAILING(ssize_t,
        sendfile64,
        (int to, int from, off64_t* at, size_t size),
        (to, from, at, size),
        changes | takes_room | touches_disk,
        NULL,
        to,
        -1)
FAILING(ssize_t,
        sendfile,
        (int to, int from, off_t* at, size_t size),
        (to, from, at, size),
        changes | takes_room | touches_disk,
        NULL,
        to,
        -1)
FAILING(int, flock, (int fd, int how), (fd, how), changes | waits, NULL, fd, -1)
FAILING(
    ssize_t,
    sendto,
    (int fd, const void* from, size_t size, int flags, const struct sockaddr* to, socklen_t length),
    (fd, from, size, flags, to, length),
    changes | memory | waits | again,
    NULL,
    fd,
    -1)
FAILING(ssize_t,
        sendmsg,
        (int fd, const struct msghdr* message, int flags),
        (fd, message, flags),
        changes | memory | waits | again,
        NULL,
        fd,
        -1)
FAILING(ssize_t,
        recvmsg,
        (int fd, struct msghdr* message, int flags),
        (fd, message, flags),
        changes | memory | waits,
        NULL,
        fd,
        -1)
FAILING(int,
        socket,
        (int family, int type, int protocol),
        (family, type, protocol),
        descriptors | memory,
        "a socket",
        -1,
        -1)
FAILING(int,
        socketpair,
        (int family, int type, int protocol, int ends[2]),
        (family, type, protocol, ends),
        descriptors | memory,
        "a pair of sockets",
        -1,
        -1)
FAILING(int,
        bind,
        (int fd, const struct sockaddr* address, socklen_t length),
        (fd, address, length),
        changes | takes_room | touches_disk | memory,
        NULL,
        fd,
        -1)
FAILING(int, inotify_init1, (int flags), (flags), descriptors | memory, "an inotify", -1, -1)
FAILING(int,
        inotify_add_watch,
        (int fd, const char* path, uint32_t mask),
        (fd, path, mask),
        takes_room | memory,
        path,
        -1,
        -1)
FAILING(int, epoll_create1, (int flags), (flags), descriptors | memory, "an epoll", -1, -1)
FAILING(int,
        eventfd,
        (unsigned count, int flags),
        (count, flags),
        descriptors | memory,
        "an eventfd",
        -1,
        -1)
FAILING(int,
        signalfd,
        (int fd, const sigset_t* set, int flags),
        (fd, set, flags),
        descriptors | memory,
        "a signalfd",
        -1,
        -1)
FAILING(int, pipe2, (int ends[2], int flags), (ends, flags), descriptors, "a pipe", -1, -1)
FAILING(int,
        memfd_create,
        (const char* name, unsigned flags),
        (name, flags),
        descriptors | memory,
        name,
        -1,
        -1)
FAILING(
    DIR*, opendir, (const char* path), (path), touches_disk | descriptors | memory, path, -1, NULL)
FAILING(DIR*, fdopendir, (int fd), (fd), memory, NULL, fd, NULL)

/* These return the error. */
FAILING(int,
        posix_spawn,
        (pid_t * pid,
         const char* file,
         const posix_spawn_file_actions_t* actions,
         const posix_spawnattr_t* attributes,
         char* const argv[],
         char* const environment[]),
        (pid, file, actions, attributes, argv, environment),
        changes | memory | again,
        file,
        -1,
        error)
FAILING(int,
        posix_spawnp,
        (pid_t * pid,
         const char* file,
         const posix_spawn_file_actions_t* actions,
         const posix_spawnattr_t* attributes,
         char* const argv[],
         char* const environment[]),
        (pid, file, actions, attributes, argv, environment),
        changes | memory | again,
        file,
        -1,
        error)
FAILING(int,
        posix_fallocate,
        (int fd, off_t at, off_t size),
        (fd, at, size),
        changes | takes_room | touches_disk,
        NULL,
        fd,
        error)

long syscall(long number, ...) {
  long words[6];
  va_list list;
  int failed = 0;
  NEXT(syscall);
  va_start(list, number);
  for (int i = 0; i < 6; ++i)
    words[i] = va_arg(list, long);
  va_end(list);
  switch (number) {
    case SYS_openat2: {
      const struct open_how* how = (const struct open_how*)words[2];
      failed = fails("openat2", kinds_of_open((int)how->flags), (const char*)words[1], -1);
      break;
    }
    case SYS_renameat2:
      failed = fails("renameat2", changes | takes_room | touches_disk, (const char*)words[3], -1);
      break;
    case SYS_pidfd_open:
      failed = fails("pidfd_open", descriptors | memory, "a pidfd", -1);
      break;
    case SYS_pidfd_send_signal:
      failed = fails("pidfd_send_signal", changes, "a process", -1);
      break;
    default:
      break;
  }
  if (failed)
    return -1;
  return next(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}

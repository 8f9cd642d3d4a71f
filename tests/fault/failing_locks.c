/* For LD_PRELOAD: a file system that refuses locks. FAULT_LOCKS=flock refuses those of flock(2) alone. */
#include "fault.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/file.h>

static int refuses(const char* call) {
  const char* only = getenv("FAULT_LOCKS");
  if ((only != NULL && strcmp(only, call) != 0) || !fault_now(call))
    return 0;
  errno = fault_errno;
  return 1;
}

int flock(int fd, int operation) {
  typeof(&flock) next = (typeof(&flock))dlsym(RTLD_NEXT, "flock");
  return refuses("flock") ? -1 : next(fd, operation);
}

static int is_lock(int command) {
  return command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK ||
         command == F_OFD_SETLKW;
}

int fcntl(int fd, int command, ...) {
  typeof(&fcntl) next = (typeof(&fcntl))dlsym(RTLD_NEXT, "fcntl");
  va_list list;
  va_start(list, command);
  void* argument = va_arg(list, void*);
  va_end(list);
  return is_lock(command) && refuses("fcntl") ? -1 : next(fd, command, argument);
}

int fcntl64(int fd, int command, ...) {
  typeof(&fcntl64) next = (typeof(&fcntl64))dlsym(RTLD_NEXT, "fcntl64");
  va_list list;
  va_start(list, command);
  void* argument = va_arg(list, void*);
  va_end(list);
  return is_lock(command) && refuses("fcntl") ? -1 : next(fd, command, argument);
}

/* For LD_PRELOAD: the start of a program or of a thread fails, or the look at what was started.
 * Programs are started by posix_spawnp alone; it returns what clone and execve say, too. */
#include "fault.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/syscall.h>

int posix_spawnp(pid_t* pid,
                 const char* file,
                 const posix_spawn_file_actions_t* actions,
                 const posix_spawnattr_t* attributes,
                 char* const argv[],
                 char* const environment[]) {
  typeof(&posix_spawnp) next = (typeof(&posix_spawnp))dlsym(RTLD_NEXT, "posix_spawnp");
  if (fault_now("posix_spawnp"))
    return fault_errno;
  return next(pid, file, actions, attributes, argv, environment);
}

int pthread_create(pthread_t* thread,
                   const pthread_attr_t* attributes,
                   void* (*work)(void*),
                   void* argument) {
  typeof(&pthread_create) next = (typeof(&pthread_create))dlsym(RTLD_NEXT, "pthread_create");
  if (fault_now("pthread_create"))
    return EAGAIN; /* it knows no other */
  return next(thread, attributes, work, argument);
}

long syscall(long number, ...) {
  typeof(&syscall) next = (typeof(&syscall))dlsym(RTLD_NEXT, "syscall");
  long words[6];
  va_list list;
  va_start(list, number);
  for (int i = 0; i < 6; ++i)
    words[i] = va_arg(list, long);
  va_end(list);
  if (number == SYS_pidfd_open && fault_now("pidfd_open")) {
    errno = fault_errno;
    return -1;
  }
  return next(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}

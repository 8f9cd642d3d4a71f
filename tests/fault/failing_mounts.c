/* For LD_PRELOAD: a security module that gives namespaces and then no right to mount in them. */
#include "fault.h"

#include <dlfcn.h>
#include <errno.h>
#include <sys/mount.h>

int mount(const char* source,
          const char* target,
          const char* kind,
          unsigned long flags,
          const void* data) {
  typeof(&mount) next = (typeof(&mount))dlsym(RTLD_NEXT, "mount");
  if (!fault_now("mount"))
    return next(source, target, kind, flags, data);
  errno = fault_errno;
  return -1;
}

/* For LD_PRELOAD: files that cannot be opened, as when descriptors have run out. FAULT_PATH: only those whose path
 * ends in this. */
#include "fault.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>

static int refuses(const char* path) {
  const char* end = getenv("FAULT_PATH");
  const size_t size = strlen(path);
  if (end != NULL && (size < strlen(end) || strcmp(path + size - strlen(end), end) != 0))
    return 0;
  if (!fault_now("open"))
    return 0;
  errno = fault_errno;
  return 1;
}

int open(const char* path, int flags, ...) {
  typeof(&open) next = (typeof(&open))dlsym(RTLD_NEXT, "open");
  va_list list;
  va_start(list, flags);
  mode_t mode = va_arg(list, mode_t);
  va_end(list);
  return refuses(path) ? -1 : next(path, flags, mode);
}

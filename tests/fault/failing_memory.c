/* For LD_PRELOAD: memory runs out. What is freed is freed as ever. */
#include "fault.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

/* dlsym takes memory by itself, so these are asked for by the names that glibc gives them. */
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
void* __libc_memalign(size_t alignment, size_t size);

static void* none(void) {
  errno = ENOMEM;
  return NULL;
}

void* malloc(size_t size) {
  return fault_now("malloc") ? none() : __libc_malloc(size);
}

void* calloc(size_t count, size_t size) {
  return fault_now("calloc") ? none() : __libc_calloc(count, size);
}

void* realloc(void* memory, size_t size) {
  return fault_now("realloc") ? none() : __libc_realloc(memory, size);
}

void* aligned_alloc(size_t alignment, size_t size) {
  return fault_now("aligned_alloc") ? none() : __libc_memalign(alignment, size);
}

int posix_memalign(void** memory, size_t alignment, size_t size) {
  if (fault_now("posix_memalign"))
    return ENOMEM;
  *memory = __libc_memalign(alignment, size);
  return *memory == NULL ? ENOMEM : 0;
}

void* mmap(void* address, size_t size, int protection, int flags, int file, off_t offset) {
  static void* (*next)(void*, size_t, int, int, int, off_t);
  if (next == NULL)
    next = (void* (*)(void*, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap");
  if (fault_now("mmap")) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  return next(address, size, protection, flags, file, offset);
}

void* mmap64(void*, size_t, int, int, int, off_t) __attribute__((alias("mmap")));

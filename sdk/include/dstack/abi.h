/* The basics of the provider interface: types, strings, status codes, tables that may grow.
 *
 * C11 and C++, no library, no POSIX. Only fixed-width integers, doubles and pointers cross the
 * boundary: no allocation, no exception, no descriptor, no errno, no type of a
 * C++ library. So host and provider may be built by different compilers, with different standard
 * libraries, in different languages. */
#ifndef DSTACK_ABI_H
#define DSTACK_ABI_H

#include <stddef.h>
#include <stdint.h>

/* The version of this interface. The major version is also in the name of the entry. Version 0 is
 * not frozen yet: a library built for 0.x only works with the release that it was built with. */
#define DSTACK_ABI_MAJOR 0
#define DSTACK_ABI_MINOR 0

#if defined(_WIN32)
#define DSTACK_CALL __cdecl
#define DSTACK_EXPORT __declspec(dllexport)
#else
#define DSTACK_CALL
#define DSTACK_EXPORT __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* UTF-8, not terminated by a NUL. Passed by pointer; valid during the call, copy it to keep it.
 * `data` may be NULL when `size` is 0. */
typedef struct dstack_string {
  const char* data;
  uint64_t size;
} dstack_string;

/* The result of a call. Anything but DSTACK_OK must be explained through the host's `report`. */
typedef int32_t dstack_status;

enum {
  DSTACK_OK = 0,
  DSTACK_INVALID = 1,     /* what the user wrote cannot be used: the properties, or one of them */
  DSTACK_FAILED = 2,      /* the provider itself failed, whatever the user wrote */
  DSTACK_EXCEPTION = 3,   /* the same, through an unexpected exception */
  DSTACK_UNSUPPORTED = 4, /* the other side is too old */
  DSTACK_WRONG_USE = 5    /* of the host's functions: wrong kind of value, bad UTF-8, NULL */
};

/* Every table of functions begins with these three members:
 *
 *     uint32_t struct_size;  sizeof of the table, as its maker compiled it
 *     uint32_t abi_minor;    DSTACK_ABI_MINOR, as its maker compiled it
 *     uint64_t reserved;     0
 *
 * Within a major version members are only appended, never changed, moved or removed. A side that
 * was compiled with a longer table than the other one has must ask before it uses a member that
 * came later than minor version 0: DSTACK_HAS(host, member). */
#ifdef __cplusplus
#define DSTACK_HAS(table, member)                                     \
  (reinterpret_cast<const char*>(&(table)->member + 1) <=             \
       reinterpret_cast<const char*>(table) + (table)->struct_size && \
   (table)->member != nullptr)
#else
#define DSTACK_HAS(table, member)                                                        \
  ((const char*)(&(table)->member + 1) <= (const char*)(table) + (table)->struct_size && \
   (table)->member != NULL)
#endif

#ifdef __cplusplus
}
#endif

#endif

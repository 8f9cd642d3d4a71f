/* The provider interface as C: one exported function, a table of the host's and one of the
 * provider's. C++ authors use provider.hpp instead, which is built on this.
 *
 * Life of a provider: the host opens the library in a process of its own, calls the entry once,
 * then `plan` once for each workflow, all on one thread; then the process ends without calling the
 * library again. Libraries are never unloaded. The library's standard output goes to
 * standard error. A call that exceeds the host's time limit ends the process. */
#ifndef DSTACK_PROVIDER_H
#define DSTACK_PROVIDER_H

#include "dstack/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Handles of objects that the host owns. All are valid until the call returns in which they were
 * passed or obtained. */
typedef struct dstack_value dstack_value;   /* a part of the user's input: for reading */
typedef struct dstack_output dstack_output; /* a part of the provider's answer: for writing */
typedef struct dstack_report dstack_report; /* where problems are reported */

typedef int32_t dstack_kind;

enum {
  DSTACK_NULL = 0,
  DSTACK_BOOLEAN = 1,
  DSTACK_INTEGER = 2,
  DSTACK_NUMBER = 3,
  DSTACK_STRING = 4,
  DSTACK_LIST = 5,
  DSTACK_MAP = 6
};

/* What the host provides. Every function accepts NULL handles: readers return DSTACK_NULL, 0, NULL
 * or DSTACK_WRONG_USE, writers NULL or DSTACK_WRONG_USE; so a chain of calls needs one test at its
 * end. */
typedef struct dstack_host_v0 {
  uint32_t struct_size;
  uint32_t abi_minor;
  uint64_t reserved;

  /* Reading. Strings that are read are valid until the call of the provider returns. */

  dstack_kind(DSTACK_CALL* kind)(const dstack_value* value);
  /* Elements of a list or members of a map; 0 for anything else. */
  uint64_t(DSTACK_CALL* size)(const dstack_value* value);
  /* The element of a list, or the value of the member of a map, in the order of writing. NULL when
   * there is none. */
  const dstack_value*(DSTACK_CALL* element)(const dstack_value* value, uint64_t index);
  /* The key of the member of a map. */
  dstack_status(DSTACK_CALL* key)(const dstack_value* map, uint64_t index, dstack_string* out);
  /* NULL when `map` is not a map or has no such member. */
  const dstack_value*(DSTACK_CALL* member)(const dstack_value* map, const dstack_string* key);
  /* `out` is not changed unless the value is of that kind. `boolean` returns 0 or 1; `number`
   * accepts an integer, too. */
  dstack_status(DSTACK_CALL* string)(const dstack_value* value, dstack_string* out);
  dstack_status(DSTACK_CALL* integer)(const dstack_value* value, int64_t* out);
  dstack_status(DSTACK_CALL* number)(const dstack_value* value, double* out);
  dstack_status(DSTACK_CALL* boolean)(const dstack_value* value, int32_t* out);

  /* Writing. A new output is null and takes the kind of the first value written to it, which cannot
   * change afterwards. Strings are copied at once. The nesting limit is 32 levels. */

  /* A new element at the end of a list. */
  dstack_output*(DSTACK_CALL* append)(dstack_output* list);
  /* The member with that key, created if missing. */
  dstack_output*(DSTACK_CALL* set_member)(dstack_output* map, const dstack_string* key);
  /* Makes it an empty list or map; only needed if it stays empty. */
  dstack_status(DSTACK_CALL* set_list)(dstack_output* output);
  dstack_status(DSTACK_CALL* set_map)(dstack_output* output);
  dstack_status(DSTACK_CALL* set_string)(dstack_output* output, const dstack_string* text);
  dstack_status(DSTACK_CALL* set_integer)(dstack_output* output, int64_t integer);
  dstack_status(DSTACK_CALL* set_number)(dstack_output* output, double number);
  dstack_status(DSTACK_CALL* set_boolean)(dstack_output* output, int32_t boolean);

  /* Reports a problem; may be called several times. `message` is one sentence, lower case, without
   * a full stop; `property` is the name of the property that it concerns, `hint` the next step.
   * Both may be NULL or empty. */
  dstack_status(DSTACK_CALL* report)(dstack_report* report,
                                     const dstack_string* message,
                                     const dstack_string* property,
                                     const dstack_string* hint);

  /* The table of an optional feature, by an id such as "dstack.native-job/1"; NULL when this host
   * does not have it. */
  const void*(DSTACK_CALL* extension)(const dstack_string* id);
} dstack_host_v0;

/* What a provider provides. The table and all it points to must exist until the process ends. */
typedef struct dstack_provider_v0 {
  uint32_t struct_size;
  uint32_t abi_minor;
  uint64_t reserved;

  void* instance; /* the provider's own; passed to its functions */

  /* Makes the jobs of one workflow. `workflow` is a map of `name` (string) and `properties` (map:
   * what the manifest declares, checked, typed, with its defaults). `jobs` is an empty list; each
   * job is a map, whose keys are described in docs/providers/writing.md. Required. */
  dstack_status(DSTACK_CALL* plan)(void* instance,
                                   const dstack_value* workflow,
                                   dstack_output* jobs,
                                   dstack_report* report);

  /* Like the host's. May be NULL. */
  const void*(DSTACK_CALL* extension)(void* instance, const dstack_string* id);
} dstack_provider_v0;

/* The one function that the library exports. `host` exists until the process ends. Sets `*out`, or
 * reports why it cannot and returns a status other than DSTACK_OK. */
#define DSTACK_PROVIDER_ENTRY "dstack_provider_entry_v0"
DSTACK_EXPORT dstack_status DSTACK_CALL dstack_provider_entry_v0(const dstack_host_v0* host,
                                                                 const dstack_provider_v0** out,
                                                                 dstack_report* report);

/* Puts the provider's manifest into the library, with the version of this interface. For builds
 * without dstack_add_provider(), which does the same: once, in one source, at file scope. `file` is
 * a string literal, "manifest.json": the path of a file that begins with '{', relative to the
 * folder in which the compiler runs, or to one of `-Wa,-I,FOLDER`. For ELF and compilers with GNU
 * assembler syntax; the manifest is kept when the linker drops unused sections. */
#define DSTACK_MANIFEST(file) \
  __asm__(                                                                                        \
      ".pushsection .dstack,\"aR\",%progbits\n"                                                   \
      ".ascii \"{\\\"abi\\\": \\\"" DSTACK_TEXT(DSTACK_ABI_MAJOR) "." DSTACK_TEXT(DSTACK_ABI_MINOR) \
      "\\\",\"\n"                                                                                 \
      ".incbin \"" file "\", 1\n"                                                                  \
      ".popsection\n");
#define DSTACK_TEXT(number) DSTACK_TEXT_OF(number)
#define DSTACK_TEXT_OF(word) #word

#ifdef __cplusplus
}
#endif

#endif

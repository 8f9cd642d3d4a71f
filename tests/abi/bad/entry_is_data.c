/* Something of the entry's name, which is not a function. */
#include <dstack/abi.h>

DSTACK_EXPORT extern const char dstack_provider_entry_v0[64];

const char dstack_provider_entry_v0[64] = "I am no function";

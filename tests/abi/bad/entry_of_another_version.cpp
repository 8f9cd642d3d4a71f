// Speaks a version of the interface that does not exist yet.
#include <dstack/abi.h>

extern "C" DSTACK_EXPORT dstack_status dstack_provider_entry_v2();

dstack_status dstack_provider_entry_v2() {
  return DSTACK_OK;
}

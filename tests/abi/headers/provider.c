#include <dstack/provider.h>

/* Where the members of the tables lie is the interface: 64-bit machines, version 0.0. */
_Static_assert(offsetof(dstack_host_v0, kind) == 16, "tables begin with 16 bytes");
_Static_assert(sizeof(dstack_host_v0) == 16 + 19 * 8, "the host's table");
_Static_assert(offsetof(dstack_provider_v0, plan) == 24, "plan");
_Static_assert(sizeof(dstack_provider_v0) == 40, "the provider's table");
_Static_assert(sizeof(dstack_string) == 16, "a string");

int dstack_provider_alone(void);

int dstack_provider_alone(void) {
  return (int)sizeof(dstack_host_v0);
}

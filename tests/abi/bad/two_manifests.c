/* Brings a manifest of its own, beside that of dstack_add_provider(). */
#include <dstack/provider.h>

DSTACK_MANIFEST("roomy.json")

#include <dstack/abi.h>

int dstack_abi_alone(void);

int dstack_abi_alone(void) {
  return DSTACK_ABI_MAJOR;
}

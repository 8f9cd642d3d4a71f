#include <dstack/native_job.h>

_Static_assert(offsetof(dstack_task_v1, cancelled) == 16, "tables begin with 16 bytes");
_Static_assert(sizeof(dstack_task_v1) == 16 + 5 * 8, "the task's table");
_Static_assert(sizeof(dstack_native_job_v1) == 16 + 8, "the provider's table of native jobs");

int dstack_native_job_alone(void);

int dstack_native_job_alone(void) {
  return (int)sizeof(dstack_native_job_v1);
}

/* An optional feature of the provider interface, "dstack.native-job/1": a function of the library
 * as a job. A job whose map has the member `native` (a map with any content) runs this function
 * instead of a command, in a process of its own: it loads the library, calls the entry, then
 * `run` once, and ends without calling the library again. `plan` is not called there.
 *
 * The process has the job's environment and working directory; its output is the job's log. A crash
 * ends only this job. When asked to stop, by SIGTERM, it continues until `run` returns, and is
 * killed when that takes longer than the grace period (`stop_grace`); a blocking system call is
 * interrupted (EINTR) by the signal. */
#ifndef DSTACK_NATIVE_JOB_H
#define DSTACK_NATIVE_JOB_H

#include "dstack/provider.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DSTACK_NATIVE_JOB "dstack.native-job/1"

/* What the host provides to the running function. Any thread of the process may call these until
 * `run` returns. */
typedef struct dstack_task_v1 dstack_task_v1;

struct dstack_task_v1 {
  uint32_t struct_size;
  uint32_t abi_minor;
  uint64_t reserved;

  /* 1 once the job has been asked to stop; never 0 again. Cheap. */
  int32_t(DSTACK_CALL* cancelled)(const dstack_task_v1* task);
  /* Writes a line to the job's log; the line ending is added. */
  dstack_status(DSTACK_CALL* log)(const dstack_task_v1* task, const dstack_string* line);
  /* Shows the job's progress in one line, which replaces the previous one. A few times a second is
   * enough. */
  dstack_status(DSTACK_CALL* progress)(const dstack_task_v1* task, const dstack_string* line);
  /* Reports why `run` is about to fail: one sentence, lower case, without a full stop; and the next
   * step, which may be NULL. It becomes the reason of the job's failure. The last call counts. */
  dstack_status(DSTACK_CALL* fail)(const dstack_task_v1* task,
                                   const dstack_string* message,
                                   const dstack_string* hint);
  /* Reports what people should know though the job goes on: one sentence, lower case, without a full
   * stop. It is shown at the end of the run and kept with the job. Of later hosts: DSTACK_HAS. */
  dstack_status(DSTACK_CALL* warn)(const dstack_task_v1* task, const dstack_string* message);
};

/* What a provider returns for this id from its own `extension`. */
typedef struct dstack_native_job_v1 {
  uint32_t struct_size;
  uint32_t abi_minor;
  uint64_t reserved;

  /* `instance` is the provider table's, `input` the map `native` of the job, valid until
   * the call returns, and readable by the functions of dstack_host_v0. Returns the job's exit code:
   * 0, or 1 to 255 when it failed; also when it was cancelled. */
  int32_t(DSTACK_CALL* run)(void* instance, const dstack_value* input, const dstack_task_v1* task);
} dstack_native_job_v1;

/* What the host returns for this id from its `extension`, if it can run such jobs. No functions
 * yet. */
typedef struct dstack_native_host_v1 {
  uint32_t struct_size;
  uint32_t abi_minor;
  uint64_t reserved;
} dstack_native_host_v1;

#ifdef __cplusplus
}
#endif

#endif

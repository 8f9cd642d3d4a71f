/* What the libraries for LD_PRELOAD share: which process they are in, and whose turn it is to fail.
 *
 *   FAULT_IN=exec        processes whose first argument is this word: a role of the program
 *   FAULT_AT=7  or  7+   the seventh of the counted calls fails, or all from the seventh on
 *   FAULT_ERRNO=11       with this error
 *   FAULT_REPORT=FILE    gets a line for the first call that was made to fail in a process
 */
#ifndef DSTACK_TESTS_FAULT_H
#define DSTACK_TESTS_FAULT_H

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static int fault_is_chosen;
static unsigned long fault_at;
static int fault_goes_on;
static int fault_errno;
static const char* fault_report;
static atomic_ulong fault_calls;
static atomic_flag fault_told = ATOMIC_FLAG_INIT;

__attribute__((constructor)) static void fault_choose(void) {
  const char* in = getenv("FAULT_IN");
  const char* at = getenv("FAULT_AT");
  const char* number = getenv("FAULT_ERRNO");
  char* rest = NULL;
  char words[4096] = "";
  int file = -1;
  if (in == NULL || at == NULL)
    return;
  file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
  if (file < 0 || read(file, words, sizeof words - 1) < 0)
    return;
  close(file);
  fault_at = strtoul(at, &rest, 10);
  fault_goes_on = *rest == '+';
  fault_errno = number == NULL ? 0 : atoi(number);
  fault_report = getenv("FAULT_REPORT");
  fault_is_chosen = strcmp(words + strlen(words) + 1, in) == 0;
}

static void fault_tell(const char* call) {
  int file = -1;
  if (fault_report == NULL || atomic_flag_test_and_set(&fault_told))
    return;
  file = open(fault_report, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file < 0)
    return;
  const struct iovec line[] = {{(void*)call, strlen(call)}, {(void*)"\n", 1}};
  (void)!writev(file, line, 2);
  close(file);
}

/* Counts a call; whether it has to fail. */
static int fault_now(const char* call) {
  unsigned long count = 0;
  if (!fault_is_chosen)
    return 0;
  count = atomic_fetch_add(&fault_calls, 1) + 1;
  if (count != fault_at && !(fault_goes_on && count > fault_at))
    return 0;
  fault_tell(call);
  return 1;
}

#endif

/* For LD_PRELOAD: a process of one role stands still before its first instruction, as on a machine
 * that is slow, until a file is there.
 *
 *   HOLD_IN=supervise    processes whose first argument is this word
 *   HOLD_UNTIL=FILE      goes on when this file is there
 *   HOLD_REPORT=FILE     gets a line for each process that is held
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

__attribute__((constructor)) static void hold(void) {
  const char* in = getenv("HOLD_IN");
  const char* until = getenv("HOLD_UNTIL");
  const char* report = getenv("HOLD_REPORT");
  const struct timespec moment = {0, 5000000};
  char words[4096] = "";
  int file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
  if (in == NULL || until == NULL || report == NULL || file < 0)
    return;
  if (read(file, words, sizeof words - 1) < 0 || strcmp(words + strlen(words) + 1, in) != 0) {
    close(file);
    return;
  }
  close(file);
  file = open(report, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  (void)!write(file, "held\n", 5);
  close(file);
  while (access(until, F_OK) != 0)
    nanosleep(&moment, NULL);
}

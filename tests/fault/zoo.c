/* Seventeen ways in which a process can leave the one that started it. Each that lives notes its
 * name and its number in a file; then the program waits, or ends with a code.
 *
 *   zoo FILE MILLISECONDS CODE */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

static const char* list;
static char* first_argument;

static void note(const char* name, pid_t pid) {
  char line[128];
  const int size = snprintf(line, sizeof line, "%s %d\n", name, pid);
  const int file = open(list, O_WRONLY | O_APPEND | O_CREAT, 0666);
  if (file >= 0) {
    (void)!write(file, line, (size_t)size);
    close(file);
  }
}

static void stay(const char* name) {
  note(name, getpid());
  for (;;)
    pause();
}

static void exec_bare(const char* name) {
  char* const words[] = {"innocent", "98765", NULL};
  char* const nothing[] = {NULL};
  note(name, getpid());
  execve("/bin/sleep", words, nothing);
  _exit(1);
}

static void wipe_environment(void) {
  for (char** entry = environ; *entry != NULL; ++entry)
    memset(*entry, 0, strlen(*entry));
}

static void leave_control_groups(void) {
  static const char* const trees[] = {"unified", "memory", "pids", "cpu", "freezer"};
  for (size_t i = 0; i < sizeof trees / sizeof *trees; ++i) {
    char path[256];
    int file = -1;
    snprintf(path, sizeof path, "/sys/fs/cgroup/%s/dstack-test-zoo", trees[i]);
    mkdir(path, 0755);
    strcat(path, "/cgroup.procs");
    file = open(path, O_WRONLY);
    if (file >= 0) {
      char number[16];
      const int size = snprintf(number, sizeof number, "%d", getpid());
      (void)!write(file, number, (size_t)size);
      close(file);
    }
  }
}

static void close_everything(void) {
  for (int fd = 0; fd < 1024; ++fd)
    close(fd);
}

/* In a child, in a child of a session of its own, whose parent has gone. */
static int in_child(void) {
  return fork() == 0;
}

static int in_daemon(void) {
  const pid_t child = fork();
  if (child != 0) {
    waitpid(child, NULL, 0);
    return 0;
  }
  setsid();
  if (fork() != 0)
    _exit(0);
  (void)!chdir("/");
  return 1;
}

static void leave_with_subreaper(void) {
  setsid();
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  if (fork() == 0) {
    if (fork() == 0)
      stay("14-below-a-subreaper");
    _exit(0);
  }
  stay("14-subreaper");
}

static void leave_for_pid_namespace(void) {
  pid_t child = 0;
  if (unshare(CLONE_NEWPID) != 0)
    _exit(0);
  child = fork();
  if (child == 0) {
    fork();
    for (;;)
      pause();
  }
  note("15-pid-namespace", child);
  _exit(0);
}

static void hop(void) {
  for (int i = 0; i < 20000; ++i) {
    if (fork() != 0)
      _exit(0);
    setsid();
    usleep(500);
  }
  _exit(0);
}

static void start_all(void) {
  if (in_child())
    stay("01-child");
  if (in_child()) {
    setsid();
    stay("02-session");
  }
  if (in_daemon())
    stay("03-daemon");
  if (in_child()) {
    signal(SIGHUP, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    stay("04-deaf");
  }
  if (in_child()) {
    setsid();
    note("05-stopped", getpid());
    raise(SIGSTOP);
    for (;;)
      pause();
  }
  if (in_daemon()) {
    note("06-without-descriptors", getpid());
    close_everything();
    for (;;)
      pause();
  }
  if (in_daemon()) {
    memset(first_argument, 'x', strlen(first_argument));
    prctl(PR_SET_NAME, "kworker/0:1", 0, 0, 0);
    stay("07-renamed");
  }
  if (in_daemon())
    exec_bare("08-without-environment");
  if (in_daemon()) {
    wipe_environment();
    stay("09-wiped-environment");
  }
  if (in_child()) {
    char* const words[] = {"sleep", "98764", NULL};
    note("10-exec", getpid());
    execv("/bin/sleep", words);
    _exit(1);
  }
  if (in_daemon()) {
    leave_control_groups();
    stay("11-other-group");
  }
  if (in_daemon()) {
    leave_control_groups();
    exec_bare("12-other-group-without-environment");
  }
  if (in_daemon()) {
    if (setgid(65534) == 0 && setuid(65534) == 0)
      stay("13-other-user");
    _exit(0);
  }
  if (in_child())
    leave_with_subreaper();
  if (in_daemon())
    leave_for_pid_namespace();
  if (in_daemon()) {
    (void)!unshare(CLONE_NEWNS | CLONE_NEWUTS);
    stay("16-mount-namespace");
  }
  if (in_daemon())
    hop();
}

int main(int count, char** words) {
  if (count != 4)
    return 2;
  first_argument = words[0];
  list = words[1];
  start_all();
  printf("started\n");
  fflush(stdout);
  usleep((useconds_t)atoi(words[2]) * 1000);
  return atoi(words[3]);
}

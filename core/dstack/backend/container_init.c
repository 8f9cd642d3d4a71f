/* The first process of a container that dstack starts: linked statically, and mounted into any
 * image, also one without a shell.
 *
 *   dstack-container-init run GRACE_MS PROGRAM [ARGUMENT…]
 *
 * runs the program with both of its outputs in one stream, in the order of writing; passes TERM on
 * to the processes of the container (container_init_stop.h; a program that were process 1 itself
 * would never see it); and when the program has ended, ends the others: TERM, at most GRACE_MS, and
 * then all that is left dies with process 1. Its own error output is not the job's: it reports
 * `exec ERRNO` to dstack when the program could not be started, `signal N` when it was killed, `oom
 * N` when N processes of the container were killed at its memory limit (not every engine reports
 * that), and the usage of its processes: `cpu MICROSECONDS`, `largest`, `read`, `written` and,
 * where the kernel counts it, `peak`, in bytes.
 *
 *   dstack-container-init run-with-secrets GRACE_MS PROGRAM [ARGUMENT…]
 *
 * does the same for a program that gets further variables. They come through the pipe
 * /.dstack-secrets, each as NAME=value and a byte 0, and end with one more byte 0.
 *
 * Before `run`, `signal N` says what the processes get instead of TERM, and `cores LIST` on which
 * processors they run: numbers with commas.
 *
 *   dstack-container-init own UID GID SINCE FOLDER
 *
 * makes this user the owner of everything in the folder that belongs to somebody else and changed
 * at SINCE (nanoseconds since 1970) or later: files that root wrote in a container belong to root
 * outside of it, too. */
#define _GNU_SOURCE
#include "container_init_stop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What asks processes to stop, and whether they were asked. */
static int stop_signal = SIGTERM;
static int stopping = 0;

/* --- secrets --- */

/* The bytes from the pipe become part of the environment, which refers to them. */
static int take_secrets(void) {
  const size_t step = 4096;
  size_t size = 0;
  size_t room = 0;
  char* text = NULL;
  const int fd = open("/.dstack-secrets", O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return -1;
  /* Only at the end does a byte 0 follow another. */
  while (size < 2 || text[size - 1] != 0 || text[size - 2] != 0) {
    if (room - size < step)
      text = realloc(text, room += room + step);
    const ssize_t count = text == NULL ? -1 : read(fd, text + size, room - size);
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0)
      return -1;
    size += (size_t)count;
  }
  close(fd);
  for (char* entry = text; *entry != 0; entry += strlen(entry) + 1)
    if (putenv(entry) != 0)
      return -1;
  return 0;
}

/* --- run --- */

/* Tries the program in each folder of PATH. Returns when none could be started, with the errno. */
static int execute(char** argv) {
  char path[4096];
  int error = ENOENT;
  const char* folder = getenv("PATH");
  execvp(argv[0], argv);
  /* A file that is no program of this machine was tried as a script of /bin/sh, and the errno is
   * that of the shell, which may be missing, or no program of this machine either. */
  if (errno != ENOENT)
    return errno;
  if (strchr(argv[0], '/') != NULL || folder == NULL) {
    execv(argv[0], argv);
    return errno;
  }
  while (error == ENOENT && folder != NULL) {
    const size_t length = strcspn(folder, ":");
    if (snprintf(path, sizeof path, "%.*s/%s", (int)length, folder, argv[0]) < (int)sizeof path) {
      execv(path, argv);
      error = errno == ENOEXEC ? ENOEXEC : ENOENT;
    }
    folder = folder[length] == 0 ? NULL : folder + length + 1;
  }
  return error;
}

/* The program's process; `failed` gets the errno when it could not be started. */
static pid_t start(char** argv, const sigset_t* mask, int* failed) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return -1;
  const pid_t pid = fork();
  if (pid == 0) {
    int error = 0;
    sigprocmask(SIG_SETMASK, mask, NULL);
    error = dup2(1, 2) < 0 ? errno : execute(argv);
    (void)!write(ends[1], &error, sizeof error);
    _exit(127);
  }
  close(ends[1]);
  if (pid < 0 || read(ends[0], failed, sizeof *failed) != sizeof *failed)
    *failed = 0;
  close(ends[0]);
  return pid;
}

/* Reaps whatever has ended. 1 when no process is left. */
static int reap(pid_t program, int* status, int* ended) {
  for (;;) {
    int one = 0;
    const pid_t pid = waitpid(-1, &one, WNOHANG);
    if (pid < 0 && errno != EINTR)
      return 1;
    if (pid == 0)
      return 0;
    if (pid == program) {
      *status = one;
      *ended = 1;
    }
  }
}

static void ask_to_stop(void) {
  if (!stopping)
    stop_all(stop_signal);
  stopping = 1;
}

static void pass_on(int number, pid_t program) {
  if (number == SIGTERM)
    ask_to_stop();
  else if (number != SIGCHLD)
    kill(program, number);
}

/* Waits until the program has ended. */
static int wait_for(pid_t program, const sigset_t* all) {
  int status = 0;
  int ended = 0;
  while (!ended) {
    const int number = sigwaitinfo(all, NULL);
    if (number > 0)
      pass_on(number, program);
    reap(program, &status, &ended);
  }
  return status;
}

static long milliseconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Ends the processes that the program left running. */
static void end_the_others(const sigset_t* all, long grace) {
  const long until = milliseconds_now() + grace;
  int status = 0;
  int ended = 0;
  /* TERM once: who ignores another signal may be left. */
  if (!stopping || stop_signal != SIGTERM)
    stop_all(SIGTERM);
  while (!reap(0, &status, &ended)) {
    const long left = until - milliseconds_now();
    if (left <= 0)
      return;
    const struct timespec time = {left / 1000, left % 1000 * 1000000};
    sigtimedwait(all, NULL, &time);
  }
}

/* The number of a key in a file of lines `KEY NUMBER`; 0 where there is none. */
static long number_in(const char* path, const char* key) {
  char line[128];
  long number = 0;
  FILE* file = fopen(path, "re");
  if (file == NULL)
    return 0;
  while (fgets(line, sizeof line, file) != NULL)
    if (strncmp(line, key, strlen(key)) == 0)
      number = atol(line + strlen(key));
  fclose(file);
  return number;
}

/* Version 2 of the kernel's control groups, and version 1. */
static void tell_out_of_memory(void) {
  const long killed = number_in("/sys/fs/cgroup/memory.events", "oom_kill ") +
                      number_in("/sys/fs/cgroup/memory/memory.oom_control", "oom_kill ");
  if (killed > 0)
    dprintf(2, "oom %ld\n", killed);
}

static void tell_usage(void) {
  struct rusage used;
  const long peak = number_in("/sys/fs/cgroup/memory.peak", "") +
                    number_in("/sys/fs/cgroup/memory/memory.max_usage_in_bytes", "");
  if (getrusage(RUSAGE_CHILDREN, &used) != 0)
    return;
  dprintf(2,
          "cpu %lld\nlargest %lld\nread %lld\nwritten %lld\n",
          (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000LL + used.ru_utime.tv_usec +
              used.ru_stime.tv_usec,
          used.ru_maxrss * 1024LL,
          used.ru_inblock * 512LL,
          used.ru_oublock * 512LL);
  if (peak > 0)
    dprintf(2, "peak %ld\n", peak);
}

static int run(long grace, char** argv) {
  sigset_t all;
  sigset_t before;
  int failed = 0;
  if (getpid() != 1) {
    dprintf(2, "dstack-container-init is for containers: it signals every process it can see\n");
    return 125;
  }
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  fcntl(2, F_SETFD, FD_CLOEXEC);
  const pid_t program = start(argv, &before, &failed);
  if (program < 0 || failed != 0) {
    dprintf(2, "exec %d\n", program < 0 ? errno : failed);
    return failed == ENOENT ? 127 : 126;
  }
  const int status = wait_for(program, &all);
  end_the_others(&all, grace);
  tell_out_of_memory();
  tell_usage();
  if (WIFEXITED(status))
    return WEXITSTATUS(status);
  dprintf(2, "signal %d\n", WTERMSIG(status));
  return 128 + WTERMSIG(status);
}

/* --- own --- */

struct owner {
  uid_t uid;
  gid_t gid;
  long long since;
};

static int take(const struct owner* owner, int folder, const char* name, const struct stat* known) {
  const long long changed = known->st_ctim.tv_sec * 1000000000LL + known->st_ctim.tv_nsec;
  if (known->st_uid == owner->uid || changed < owner->since)
    return 0;
  return fchownat(folder, name, owner->uid, owner->gid, AT_SYMLINK_NOFOLLOW);
}

/* Takes ownership of what is in the open folder, and closes it. Never follows a link. */
static int take_contents(const struct owner* owner, int fd) {
  DIR* folder = fdopendir(fd);
  struct dirent* entry = NULL;
  int result = 0;
  if (folder == NULL) {
    close(fd);
    return -1;
  }
  while ((entry = readdir(folder)) != NULL) {
    struct stat known;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
      continue;
    if (fstatat(fd, entry->d_name, &known, AT_SYMLINK_NOFOLLOW) != 0)
      continue;
    if (S_ISDIR(known.st_mode)) {
      const int inner = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (inner < 0 || take_contents(owner, inner) != 0)
        result = -1;
    }
    if (take(owner, fd, entry->d_name, &known) != 0)
      result = -1;
  }
  closedir(folder);
  return result;
}

static int own(const struct owner* owner, const char* path) {
  struct stat known;
  const int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &known) != 0 || take_contents(owner, fd) != 0 ||
      take(owner, AT_FDCWD, path, &known) != 0) {
    dprintf(2, "cannot change the owner of all files in '%s': %s\n", path, strerror(errno));
    return 1;
  }
  return 0;
}

/* --- options --- */

/* Where the machine has no such processors, as in a virtual one, the program runs on all. */
static void keep_to(const char* cores) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const char* at = cores; at != NULL;
       at = strchr(at, ',') == NULL ? NULL : strchr(at, ',') + 1)
    if (atol(at) >= 0 && atol(at) < CPU_SETSIZE)
      CPU_SET((size_t)atol(at), &set);
  (void)sched_setaffinity(0, sizeof set, &set);
}

static int take_option(const char* name, const char* value) {
  if (strcmp(name, "signal") == 0)
    stop_signal = (int)atol(value);
  else if (strcmp(name, "cores") == 0)
    keep_to(value);
  else
    return 0;
  return 1;
}

int main(int argc, char** argv) {
  for (; argc > 3 && take_option(argv[1], argv[2]); argv += 2)
    argc -= 2;
  if (argc >= 4 && strcmp(argv[1], "run") == 0)
    return run(atol(argv[2]), argv + 3);
  if (argc >= 4 && strcmp(argv[1], "run-with-secrets") == 0) {
    if (take_secrets() != 0) {
      dprintf(2, "exec %d\n", errno);
      return 126;
    }
    return run(atol(argv[2]), argv + 3);
  }
  if (argc == 6 && strcmp(argv[1], "own") == 0) {
    const struct owner owner = {(uid_t)atol(argv[2]), (gid_t)atol(argv[3]), atoll(argv[4])};
    return own(&owner, argv[5]);
  }
  dprintf(2, "usage: %s run GRACE_MS PROGRAM [ARGUMENT...] | own UID GID SINCE FOLDER\n", argv[0]);
  return 2;
}

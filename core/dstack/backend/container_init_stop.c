#define _GNU_SOURCE
#include "container_init_stop.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static const int everybody = -1;

enum fate { unknown, asked, follows };

struct process {
  pid_t pid;
  enum fate fate;
  int reads_pipe; /* as its standard input: this one */
  dev_t device;
  ino_t inode;
};

struct processes {
  struct process* all;
  size_t count;
};

/* The pipe behind /proc/PID/fd/NAME. 0 when it is none, or must not be looked at. */
static int pipe_at(pid_t pid, const char* name, int only_written, struct stat* pipe) {
  char path[64];
  struct stat link;
  snprintf(path, sizeof path, "/proc/%d/fd/%.20s", (int)pid, name);
  if (stat(path, pipe) != 0 || !S_ISFIFO(pipe->st_mode))
    return 0;
  /* The modes of the link say for what the descriptor is open. */
  return !only_written || (lstat(path, &link) == 0 && (link.st_mode & S_IWUSR) != 0);
}

/* Every process but this one. Those that no memory is left for are not among them. */
static struct processes find_processes(void) {
  struct processes found = {NULL, 0};
  struct dirent* entry = NULL;
  DIR* folder = opendir("/proc");
  while (folder != NULL && (entry = readdir(folder)) != NULL) {
    const pid_t pid = (pid_t)atol(entry->d_name);
    struct stat pipe = {0};
    struct process* more = NULL;
    if (pid <= 1 || (more = realloc(found.all, (found.count + 1) * sizeof *more)) == NULL)
      continue;
    found.all = more;
    more[found.count] = (struct process){pid, unknown, pipe_at(pid, "0", 0, &pipe), 0, 0};
    more[found.count].device = pipe.st_dev;
    more[found.count].inode = pipe.st_ino;
    ++found.count;
  }
  if (folder != NULL)
    closedir(folder);
  return found;
}

static int writes(pid_t writer, const struct process* reader) {
  char path[32];
  int found = 0;
  struct dirent* entry = NULL;
  snprintf(path, sizeof path, "/proc/%d/fd", (int)writer);
  DIR* folder = opendir(path);
  while (folder != NULL && !found && (entry = readdir(folder)) != NULL) {
    struct stat pipe;
    found = pipe_at(writer, entry->d_name, 1, &pipe) && pipe.st_dev == reader->device &&
            pipe.st_ino == reader->inode;
  }
  if (folder != NULL)
    closedir(folder);
  return found;
}

/* Whether another process writes its input: any, or one that ends. */
static int is_fed(const struct processes* all, const struct process* reader, int only_by_ending) {
  for (size_t i = 0; reader->reads_pipe && i < all->count; ++i) {
    const struct process* writer = &all->all[i];
    if (writer != reader && (!only_by_ending || writer->fate != unknown) &&
        writes(writer->pid, reader))
      return 1;
  }
  return 0;
}

/* How many follow those that they read from. */
static size_t decide(const struct processes* all) {
  size_t following = 0;
  int changed = 1;
  for (size_t i = 0; i < all->count; ++i)
    if (!is_fed(all, &all->all[i], 0))
      all->all[i].fate = asked;
  while (changed) {
    changed = 0;
    for (size_t i = 0; i < all->count; ++i)
      if (all->all[i].fate == unknown && is_fed(all, &all->all[i], 1)) {
        all->all[i].fate = follows;
        ++following;
        changed = 1;
      }
  }
  return following;
}

void stop_all(int number) {
  struct processes all = find_processes();
  if (decide(&all) == 0)
    kill(everybody, number);
  else
    for (size_t i = 0; i < all.count; ++i)
      if (all.all[i].fate != follows)
        kill(all.all[i].pid, number);
  kill(everybody, SIGCONT);
  free(all.all);
}

/* Every way in which a library can go wrong before it plans anything, and a few in which it plans:
 * which one says the definition WAY, the name of the library. Good in every other respect. Its
 * manifest has room behind it, so that a test can put another one there. */
#include <dstack/provider.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

DSTACK_MANIFEST("roomy.json")

static const dstack_host_v0* host;

static int way_is(const char* way) {
  return strcmp(way, WAY) == 0;
}

static void wait_for_ever(void) {
  for (;;)
    pause();
}

static void* exit_in_thread(void* nothing) {
  (void)nothing;
  exit(7);
}

__attribute__((constructor)) static void begin(void) {
  if (way_is("exits_when_loaded"))
    exit(0);
  if (way_is("aborts_when_loaded"))
    abort();
  if (way_is("prints_when_loaded"))
    puts("printed by a constructor");
  if (way_is("stops_when_loaded"))
    raise(SIGSTOP);
  if (way_is("kills_itself"))
    raise(SIGKILL);
  if (way_is("closes_everything_when_loaded"))
    for (int fd = 0; fd < 64; ++fd)
      close(fd);
  if (way_is("goes_elsewhere") && chdir("/") != 0)
    abort();
}

static dstack_string text(const char* characters) {
  dstack_string string = {characters, strlen(characters)};
  return string;
}

static dstack_output* member(dstack_output* map, const char* key) {
  const dstack_string name = text(key);
  return host->set_member(map, &name);
}

static void add_argument(dstack_output* job, const char* word) {
  const dstack_string argument = text(word);
  host->set_string(host->append(member(job, "argv")), &argument);
}

static int recurse(volatile int* depth) {
  volatile char room[4096];
  if (++*depth < 0)
    return 0;
  room[0] = (char)*depth;
  return recurse(depth) + room[0];
}

static dstack_status plan(void* instance,
                          const dstack_value* workflow,
                          dstack_output* jobs,
                          dstack_report* report) {
  volatile int depth = 0;
  (void)instance;
  (void)workflow;
  if (way_is("recurses_without_end"))
    return recurse(&depth);
  if (way_is("writes_jobs_without_end"))
    while (host->append(jobs) != NULL)
      continue;
  if (way_is("reports_without_end"))
    for (;;) {
      const dstack_string message = text("wrong");
      if (host->report(report, &message, NULL, NULL) != DSTACK_OK)
        return DSTACK_INVALID;
    }
  if (way_is("writes_text_without_end")) {
    const dstack_string page = {calloc(1, 1 << 20), 1 << 20};
    dstack_output* argv = member(host->append(jobs), "argv");
    while (host->set_string(host->append(argv), &page) == DSTACK_OK)
      continue;
    return DSTACK_OK;
  }
  if (way_is("exits_in_a_thread")) {
    pthread_t thread;
    pthread_create(&thread, NULL, exit_in_thread, NULL);
    wait_for_ever();
  }
  dstack_output* job = host->append(jobs);
  add_argument(job, "echo");
  add_argument(job, "well");
  if (way_is("empty_command"))
    add_argument(host->append(jobs), "");
  if (way_is("commands_too")) {
    const dstack_string line = text("true");
    host->set_string(host->append(member(job, "commands")), &line);
  }
  if (way_is("nul_in_argument")) {
    const dstack_string argument = {"a\0b", 3};
    host->set_string(host->append(member(job, "argv")), &argument);
  }
  if (way_is("argv_is_a_text")) {
    const dstack_string argument = text("echo");
    host->set_string(member(host->append(jobs), "argv"), &argument);
  }
  if (way_is("bad_variable")) {
    const dstack_string value = text("x");
    host->set_string(member(member(job, "environment"), "A=B"), &value);
  }
  return DSTACK_OK;
}

static const dstack_provider_v0 table = {sizeof table, DSTACK_ABI_MINOR, 0, NULL, plan, NULL};

/* May stand beside that of the version which the host speaks. */
DSTACK_EXPORT dstack_status dstack_provider_entry_v2(void);

dstack_status dstack_provider_entry_v2(void) {
  abort();
}

dstack_status dstack_provider_entry_v0(const dstack_host_v0* the_host,
                                       const dstack_provider_v0** out,
                                       dstack_report* report) {
  const dstack_string reason = text("no licence for this machine");
  if (way_is("hangs_in_entry"))
    wait_for_ever();
  if (way_is("exits_in_entry"))
    exit(5);
  if (way_is("crashes_in_entry"))
    raise(SIGSEGV);
  if (way_is("refuses_to_work")) {
    the_host->report(report, &reason, NULL, NULL);
    return DSTACK_FAILED;
  }
  host = the_host;
  *out = way_is("table_at_nowhere") ? (const dstack_provider_v0*)8 : &table;
  return DSTACK_OK;
}

/* cc -shared -fPIC -fvisibility=hidden -o @name@.so @name@.c */
#include <dstack/provider.h>
#include <string.h>

DSTACK_MANIFEST("manifest.json")

static const dstack_host_v0* host;

static dstack_string text(const char* characters) {
  dstack_string string = {characters, strlen(characters)};
  return string;
}

static void add(dstack_output* list, dstack_string argument) {
  host->set_string(host->append(list), &argument);
}

static dstack_status plan(void* instance,
                          const dstack_value* workflow,
                          dstack_output* jobs,
                          dstack_report* report) {
  const dstack_string properties = text("properties"), key = text("who"), argv = text("argv");
  dstack_string who = text("");
  (void)instance;
  host->string(host->member(host->member(workflow, &properties), &key), &who);
  if (who.size == 6 && memcmp(who.data, "nobody", 6) == 0) {
    const dstack_string message = text("there is nobody to greet"), hint = text("name somebody");
    host->report(report, &message, &key, &hint);
    return DSTACK_INVALID;
  }
  dstack_output* arguments = host->set_member(host->append(jobs), &argv);
  add(arguments, text("echo"));
  add(arguments, text("hello"));
  add(arguments, who);
  return DSTACK_OK;
}

static const dstack_provider_v0 table = {sizeof table, DSTACK_ABI_MINOR, 0, NULL, plan, NULL};

dstack_status dstack_provider_entry_v0(const dstack_host_v0* the_host,
                                       const dstack_provider_v0** out,
                                       dstack_report* report) {
  (void)report;
  if (!DSTACK_HAS(the_host, extension))
    return DSTACK_UNSUPPORTED;
  host = the_host;
  *out = &table;
  return DSTACK_OK;
}

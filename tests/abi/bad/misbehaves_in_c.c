/* Does in plan() what the property `what` says; in C, without the C++ layer, as a third party would.
 */
#include <dstack/provider.h>
#include <string.h>

static const dstack_host_v0* host;

static dstack_string text_of(const char* text) {
  dstack_string string = {text, strlen(text)};
  return string;
}

static dstack_output* member(dstack_output* map, const char* key) {
  const dstack_string name = text_of(key);
  return host->set_member(map, &name);
}

static void add_argument(dstack_output* job, const char* argument) {
  const dstack_string text = text_of(argument);
  host->set_string(host->append(member(job, "argv")), &text);
}

static int is(dstack_string what, const char* word) {
  return what.size == strlen(word) && memcmp(what.data, word, strlen(word)) == 0;
}

static void nest(dstack_output* job) {
  dstack_output* deeper = member(job, "argv");
  for (int i = 0; i < 1000; ++i)
    deeper = host->append(deeper);
}

static dstack_status plan(void* instance,
                          const dstack_value* workflow,
                          dstack_output* jobs,
                          dstack_report* report) {
  (void)instance;
  const dstack_string properties = text_of("properties");
  const dstack_string key = text_of("what");
  dstack_string what = {NULL, 0};
  host->string(host->member(host->member(workflow, &properties), &key), &what);
  if (is(what, "silent"))
    return DSTACK_FAILED;
  if (is(what, "refuses silently"))
    return DSTACK_INVALID;
  if (is(what, "unknown status"))
    return 77;
  if (is(what, "reports bad UTF-8")) {
    const dstack_string message = text_of("caf\xe9");
    host->report(report, &message, NULL, NULL);
    return DSTACK_FAILED;
  }
  dstack_output* job = host->append(jobs);
  add_argument(job, "true");
  if (is(what, "two kinds of value"))
    host->set_integer(member(job, "argv"), 7);
  if (is(what, "ignores a refusal"))
    add_argument(job, "\xff");
  if (is(what, "no text"))
    host->set_string(host->append(member(job, "argv")), NULL);
  if (is(what, "nests"))
    nest(job);
  if (is(what, "a job of another kind"))
    host->set_integer(host->append(jobs), 1);
  if (is(what, "unknown member"))
    host->set_boolean(member(job, "artefacts"), 1);
  return DSTACK_OK;
}

static const dstack_provider_v0 table = {
    sizeof(dstack_provider_v0), DSTACK_ABI_MINOR, 0, NULL, plan, NULL};

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

/* Counts, in plain C: what a compiler alone makes a provider of. */
#include <dstack/provider.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

DSTACK_MANIFEST("manifest.json")

static const dstack_host_v0* host;

static dstack_string text(const char* characters) {
  dstack_string string = {characters, strlen(characters)};
  return string;
}

static const dstack_value* get(const dstack_value* map, const char* key) {
  const dstack_string name = text(key);
  return host->member(map, &name);
}

static void add(dstack_output* list, dstack_string word) {
  host->set_string(host->append(list), &word);
}

static void add_number(dstack_output* list, int64_t number) {
  char digits[32];
  snprintf(digits, sizeof digits, "%" PRId64, number);
  add(list, text(digits));
}

static dstack_status plan(void* instance,
                          const dstack_value* workflow,
                          dstack_output* jobs,
                          dstack_report* report) {
  const dstack_value* properties = get(workflow, "properties");
  const dstack_string argv = text("argv");
  dstack_string separator;
  int64_t first = 1, last = 1;
  int32_t padded = 0;
  (void)instance;
  host->integer(get(properties, "first"), &first);
  host->integer(get(properties, "last"), &last);
  host->boolean(get(properties, "padded"), &padded);
  if (last < first) {
    const dstack_string message = text("the range ends before it begins"), property = text("last");
    host->report(report, &message, &property, NULL);
    return DSTACK_INVALID;
  }
  dstack_output* words = host->set_member(host->append(jobs), &argv);
  add(words, text("seq"));
  if (padded)
    add(words, text("-w"));
  if (host->string(get(properties, "separator"), &separator) == DSTACK_OK) {
    add(words, text("-s"));
    add(words, separator);
  }
  add_number(words, first);
  add_number(words, last);
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

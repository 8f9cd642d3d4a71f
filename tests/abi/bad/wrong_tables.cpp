// Every way in which the entry can go wrong, chosen by the name of the library's file: written in
// terms of the C interface, which lets it.
#include <cstring>
#include <stdexcept>

#include <dstack/provider.h>

#ifndef WRONG_TABLE
#error "which one?"
#endif

namespace {

dstack_status plan(void*, const dstack_value*, dstack_output*, dstack_report*) {
  return DSTACK_OK;
}

const dstack_provider_v0 without_plan = {
    sizeof(dstack_provider_v0), DSTACK_ABI_MINOR, 0, nullptr, nullptr, nullptr};
// One that ends before `plan`, as its size says.
const dstack_provider_v0 too_short = {24, DSTACK_ABI_MINOR, 0, nullptr, plan, nullptr};
const dstack_provider_v0 reserved_in_use = {
    sizeof(dstack_provider_v0), DSTACK_ABI_MINOR, 1, nullptr, plan, nullptr};

}  // namespace

dstack_status dstack_provider_entry_v0(const dstack_host_v0*,
                                       const dstack_provider_v0** out,
                                       dstack_report*) {
  const char* which = WRONG_TABLE;
  if (std::strcmp(which, "throws_in_entry") == 0)
    throw std::runtime_error("from the entry");
  if (std::strcmp(which, "silent_entry") == 0)
    return DSTACK_FAILED;
  if (std::strcmp(which, "table_without_plan") == 0)
    *out = &without_plan;
  if (std::strcmp(which, "short_table") == 0)
    *out = &too_short;
  if (std::strcmp(which, "reserved_in_use") == 0)
    *out = &reserved_in_use;
  return DSTACK_OK;  // "no_table": with nothing
}

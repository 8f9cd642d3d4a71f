#include "dstack/job/usage.hpp"

#include "dstack/base/json_fields.hpp"

namespace dstack::job {

template <class Fields, MaybeConst<Usage> Self>
void fields(Fields& fields, Self& usage) {
  fields.optional("peak_memory", usage.peak_memory);
  fields.optional("largest_process", usage.largest_process);
  fields.optional("cpu_time", usage.cpu_time);
  fields.optional("bytes_read", usage.bytes_read);
  fields.optional("bytes_written", usage.bytes_written);
}

void to_json(Json& json, const Usage& usage) {
  write_fields(json, usage);
}

void from_json(const Json& json, Usage& usage) {
  read_fields(json, usage, "usage");
}

}  // namespace dstack::job

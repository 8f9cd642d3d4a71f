#include "dstack/job/usage.hpp"

namespace dstack::job {

namespace {

/// The figures by their names, for both directions.
template <typename Usage, typename Use>
void each_figure(Usage& usage, Use use) {
  use("peak_memory", usage.peak_memory);
  use("largest_process", usage.largest_process);
  use("cpu_time", usage.cpu_time);
  use("bytes_read", usage.bytes_read);
  use("bytes_written", usage.bytes_written);
}

}  // namespace

Json usage_to_json(const Usage& usage) {
  Json json = Json::object();
  each_figure(usage, [&](const char* name, const std::optional<std::int64_t>& figure) {
    if (figure)
      json[name] = *figure;
  });
  return json;
}

Usage usage_from_json(const Json& json) {
  Usage usage;
  each_figure(usage, [&](const char* name, std::optional<std::int64_t>& figure) {
    if (const Json* value = json_member(json, name); value != nullptr && value->is_number_integer())
      figure = value->template get<std::int64_t>();
  });
  return usage;
}

}  // namespace dstack::job

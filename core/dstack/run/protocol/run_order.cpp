#include "dstack/run/protocol/run_order.hpp"

#include "dstack/base/json_fields.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"

namespace dstack::run {

template <class Fields, MaybeConst<RunOrder> Self>
void fields(Fields& fields, Self& order) {
  fields.required("plan", order.plan);
  fields.member("parallel", order.parallel);
  fields.member("stop_grace", order.stop_grace);
  fields.member("job_ids", order.job_ids);
  fields.required("code", order.code);
  fields.optional("machine", order.machine);
  fields.optional("on_end", order.on_end);
  fields.member("keep_changes", order.keep_changes);
  fields.member("log_limit", order.log_limit);
  fields.optional("move_tag", order.move_tag);
  fields.optional("most_failures", order.most_failures);
  fields.optional("origin", order.origin);
}

Path env_texts_of(const files::Home& home, const RunOrder& order) {
  return home.run(order.plan.run_name) / (file_names::env_texts + order.job_ids.front());
}

void to_json(Json& json, const RunOrder& order) {
  write_fields(json, order);
}

void from_json(const Json& json, RunOrder& order) {
  read_fields(json, order, "order");
  if (order.job_ids.size() != order.plan.jobs.size())
    throw JsonProblem("its number of job ids differs from that of jobs in its plan");
}

std::string render_run_order(const RunOrder& order) {
  return render_json(order);
}

Result<RunOrder> parse_run_order(std::string_view text) {
  DSTACK_TRY(const Json json, parse_json(text, "a run's order"));
  return from_json_value<RunOrder>(json, "a run's order");
}

std::string project_of_run_order(std::string_view text) {
  // It is at the beginning: ten thousand jobs behind it are not read for that.
  constexpr std::string_view beginning = R"({"plan":{"project":")";
  if (text.starts_with(beginning)) {
    const std::string_view rest = text.substr(beginning.size());
    const std::size_t end = rest.find_first_of("\"\\");
    if (end != std::string_view::npos && rest[end] == '"')
      return std::string(rest.substr(0, end));
  }
  const auto order = parse_run_order(text);
  return order ? order->plan.project : std::string();
}

Result<RunOrder> read_run_order(store::Records& records, const store::RunRecord& run) {
  DSTACK_TRY(const std::string text, records.plan(run.id));
  return parse_run_order(text);
}

}  // namespace dstack::run

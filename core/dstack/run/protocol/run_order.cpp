#include "dstack/run/protocol/run_order.hpp"

#include "dstack/run/protocol/json.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"

namespace dstack::run {

namespace {

Json receiver_to_json(const config::Receiver& receiver) {
  return Json{{"command", receiver.command},
              {"webhook", receiver.webhook},
              {"headers", pairs_to_json(receiver.headers)},
              {"when", receiver.when},
              {"timeout", receiver.timeout.count()},
              {"retry", receiver.retry}};
}

config::Receiver receiver_from_json(const Json& json) {
  config::Receiver receiver;
  receiver.command = json_strings(json, "command");
  receiver.webhook = json_string(json, "webhook");
  if (const Json* headers = json_member(json, "headers"))
    receiver.headers = pairs_from_json(*headers);
  receiver.when = json_strings(json, "when");
  receiver.timeout = std::chrono::milliseconds(json_integer(json, "timeout", 30'000));
  receiver.retry = static_cast<std::uint32_t>(json_integer(json, "retry"));
  return receiver;
}

}  // namespace

std::string render_run_order(const RunOrder& order) {
  Json json = {{"plan", plan::render_plan(order.plan)},
               {"parallel", order.parallel},
               {"stop_grace", order.stop_grace.count()},
               {"job_ids", order.job_ids},
               {"code", job::code_to_json(order.code)}};
  if (order.machine)
    json["machine"] = resources::render_machine(*order.machine);
  for (const config::Receiver& receiver : order.on_end)
    json["on_end"].push_back(receiver_to_json(receiver));
  return render_json(json);
}

Result<RunOrder> parse_run_order(std::string_view text) {
  DSTACK_TRY(const Json json, parse_json(text, "a run's order"));
  const Json* plan = json_member(json, "plan");
  if (plan == nullptr)
    return fail(ErrorCode::internal, "a run's order is incomplete");
  RunOrder order;
  DSTACK_TRY(order.plan, plan::parse_plan(*plan));
  DSTACK_TRY(order.code, job::code_from_json(json_member(json, "code")));
  order.parallel = static_cast<std::size_t>(json_integer(json, "parallel", 1));
  order.stop_grace = std::chrono::milliseconds(json_integer(json, "stop_grace", 10'000));
  order.job_ids = json_strings(json, "job_ids");
  if (const Json* machine = json_member(json, "machine"))
    order.machine = resources::parse_machine(*machine);
  if (const Json* on_end = json_member(json, "on_end"))
    for (const Json& receiver : *on_end)
      order.on_end.push_back(receiver_from_json(receiver));
  if (order.job_ids.size() != order.plan.jobs.size())
    return fail(ErrorCode::internal, "a run's order does not fit its plan");
  return order;
}

Result<RunOrder> read_run_order(store::Records& records, const store::RunRecord& run) {
  DSTACK_TRY(const std::string text, records.plan(run.id));
  return parse_run_order(text);
}

}  // namespace dstack::run

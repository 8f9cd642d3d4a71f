#include "dstack/run/order.hpp"

#include <limits>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace dstack::run {

namespace {

Json tree_to_json(const store::TreeReference& tree) {
  return Json::array({tree.tree.render(), tree.times.render(), tree.files, tree.bytes});
}

Result<std::vector<std::uint16_t>> ports_from_json(const Json* json) {
  std::vector<std::uint16_t> ports;
  if (json == nullptr || !json->is_array())
    return ports;
  for (const Json& port : *json) {
    const std::int64_t number = port.is_number_integer() ? port.get<std::int64_t>() : -1;
    if (number < 0 || number > std::numeric_limits<std::uint16_t>::max())
      return fail(ErrorCode::internal, "a job's order names a port that is none");
    ports.push_back(static_cast<std::uint16_t>(number));
  }
  return ports;
}

Result<store::TreeReference> tree_from_json(const Json& json) {
  if (!json.is_array() || json.size() != 4 || !json[0].is_string() || !json[1].is_string() ||
      !json[2].is_number_unsigned() || !json[3].is_number_unsigned())
    return fail(ErrorCode::internal, "a record names a tree in an unknown form");
  const auto tree = Digest::parse(json[0].get_ref<const std::string&>());
  const auto times = Digest::parse(json[1].get_ref<const std::string&>());
  if (!tree || !times)
    return fail(ErrorCode::internal, "a record names a tree by something that is no digest");
  return store::TreeReference{
      *tree, *times, json[2].get<std::uint64_t>(), json[3].get<std::uint64_t>()};
}

/// Names and values, in an order that counts.
Json pairs_to_json(const std::vector<std::pair<std::string, std::string>>& pairs) {
  Json json = Json::array();
  for (const auto& [name, value] : pairs)
    json.push_back(Json::array({name, value}));
  return json;
}

std::vector<std::pair<std::string, std::string>> pairs_from_json(const Json& json) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const Json& pair : json)
    if (pair.is_array() && pair.size() == 2 && pair[0].is_string() && pair[1].is_string())
      pairs.emplace_back(pair[0].get<std::string>(), pair[1].get<std::string>());
  return pairs;
}

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

Json code_to_json(const store::CodeRecord& code) {
  return Json{{"tree", tree_to_json(code.snapshot)},
              {"remote", code.git.remote},
              {"branch", code.git.branch},
              {"commit", code.git.commit},
              {"root_commit", code.git.root_commit},
              {"dirty", code.git.dirty}};
}

Result<store::CodeRecord> code_from_json(const Json* json) {
  const Json* tree = json == nullptr ? nullptr : json_member(*json, "tree");
  if (tree == nullptr)
    return fail(ErrorCode::internal, "a run's record does not name its code");
  store::CodeRecord code;
  DSTACK_TRY(code.snapshot, tree_from_json(*tree));
  code.git.remote = json_string(*json, "remote");
  code.git.branch = json_string(*json, "branch");
  code.git.commit = json_string(*json, "commit");
  code.git.root_commit = json_string(*json, "root_commit");
  code.git.dirty = json_boolean(*json, "dirty");
  return code;
}

const char* render_stop(store::StopRequest stop) {
  switch (stop) {
    case store::StopRequest::stop:
      return "stop";
    case store::StopRequest::abort:
      return "abort";
    case store::StopRequest::none:
      break;
  }
  return "none";
}

store::StopRequest parse_stop(std::string_view text) {
  if (text == "stop")
    return store::StopRequest::stop;
  return text == "abort" ? store::StopRequest::abort : store::StopRequest::none;
}

const char* render_outcome(ExitRecord::Outcome outcome) {
  switch (outcome) {
    case ExitRecord::Outcome::signaled:
      return "signaled";
    case ExitRecord::Outcome::not_started:
      return "not started";
    case ExitRecord::Outcome::exited:
      break;
  }
  return "exited";
}

/// The figures by their names, for both directions.
template <typename Usage, typename Use>
void each_figure(Usage& usage, Use use) {
  use("peak_memory", usage.peak_memory);
  use("largest_process", usage.largest_process);
  use("cpu_time", usage.cpu_time);
  use("bytes_read", usage.bytes_read);
  use("bytes_written", usage.bytes_written);
}

Json exposed_to_json(const std::vector<ExposedArtifact>& artifacts) {
  Json json = Json::array();
  for (const ExposedArtifact& artifact : artifacts)
    json.push_back(
        {{"path", artifact.path}, {"exposure", store::render_exposure(artifact.exposure)}});
  return json;
}

std::vector<ExposedArtifact> exposed_from_json(const Json* json) {
  std::vector<ExposedArtifact> artifacts;
  if (json == nullptr || !json->is_array())
    return artifacts;
  for (const Json& artifact : *json)
    if (const Json* exposure = json_member(artifact, "exposure"))
      artifacts.push_back({json_string(artifact, "path"), store::parse_exposure(*exposure)});
  return artifacts;
}

Timestamp timestamp(std::int64_t milliseconds) {
  return Timestamp(std::chrono::milliseconds(milliseconds));
}

}  // namespace

Json usage_to_json(const store::Usage& usage) {
  Json json = Json::object();
  each_figure(usage, [&](const char* name, const std::optional<std::int64_t>& figure) {
    if (figure)
      json[name] = *figure;
  });
  return json;
}

store::Usage usage_from_json(const Json& json) {
  store::Usage usage;
  each_figure(usage, [&](const char* name, std::optional<std::int64_t>& figure) {
    if (const Json* value = json_member(json, name); value != nullptr && value->is_number_integer())
      figure = value->template get<std::int64_t>();
  });
  return usage;
}

std::string render_run_order(const RunOrder& order) {
  Json json = {{"plan", plan::render_plan(order.plan)},
               {"parallel", order.parallel},
               {"stop_grace", order.stop_grace.count()},
               {"job_ids", order.job_ids},
               {"code", code_to_json(order.code)}};
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
  DSTACK_TRY(order.code, code_from_json(json_member(json, "code")));
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

std::string render_job_order(const JobOrder& order) {
  Json inputs = Json::array();
  for (const auto& input : order.inputs)
    inputs.push_back(tree_to_json(input));
  return render_json(Json{{"home", order.home},
                          {"run", order.run},
                          {"index", order.index},
                          {"attempt", order.attempt},
                          {"attempts", order.attempts},
                          {"project", order.project},
                          {"provider", order.provider},
                          {"spec", provider::render_job(order.spec)},
                          {"environment", pairs_to_json(order.environment)},
                          {"secret_variables", order.secret_variables},
                          {"secrets", order.secrets},
                          {"ports", order.ports},
                          {"code", tree_to_json(order.code)},
                          {"inputs", std::move(inputs)},
                          {"python", plan::render_python(order.python)},
                          {"stop_grace", order.stop_grace.count()}});
}

Result<JobOrder> parse_job_order(std::string_view text) {
  DSTACK_TRY(const Json json, parse_json(text, "a job's order"));
  const Json* spec = json_member(json, "spec");
  const Json* code = json_member(json, "code");
  const Json* environment = json_member(json, "environment");
  const Json* inputs = json_member(json, "inputs");
  if (spec == nullptr || code == nullptr || environment == nullptr || inputs == nullptr)
    return fail(ErrorCode::internal, "a job's order is incomplete");
  JobOrder order;
  order.home = json_string(json, "home");
  order.run = json_string(json, "run");
  order.index = static_cast<std::size_t>(json_integer(json, "index"));
  order.attempt = static_cast<std::size_t>(json_integer(json, "attempt", 1));
  order.attempts = static_cast<std::size_t>(json_integer(json, "attempts", 1));
  order.project = json_string(json, "project");
  order.provider = json_string(json, "provider");
  DSTACK_TRY(order.spec, provider::parse_job(*spec));
  DSTACK_TRY(order.code, tree_from_json(*code));
  order.environment = pairs_from_json(*environment);
  order.secret_variables = json_strings(json, "secret_variables");
  order.secrets = json_strings(json, "secrets");
  DSTACK_TRY(order.ports, ports_from_json(json_member(json, "ports")));
  for (const Json& input : *inputs) {
    DSTACK_TRY(auto tree, tree_from_json(input));
    order.inputs.push_back(tree);
  }
  order.python = plan::parse_python(json_member(json, "python"));
  order.stop_grace = std::chrono::milliseconds(json_integer(json, "stop_grace", 10'000));
  return order;
}

Result<Fd> hand_over_order(std::string_view text) {
  Fd file(::memfd_create("order", MFD_CLOEXEC));
  if (!file)
    return fail_errno("cannot pass an order on");
  DSTACK_CHECK(write_all(file.get(), text));
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

Result<std::string> take_order() {
  DSTACK_TRY(std::string text, read_all(STDIN_FILENO));
  DSTACK_TRY(const Fd nothing, open_file("/dev/null", O_RDONLY));
  ::dup2(nothing.get(), STDIN_FILENO);
  return text;
}

Path attempt_folder(const store::Home& home,
                    const std::string& run,
                    std::size_t job,
                    std::size_t attempt) {
  const Path folder = home.job(run, job);
  return attempt <= 1 ? folder : folder / ("attempt-" + std::to_string(attempt));
}

std::string render_exit_record(const ExitRecord& record) {
  Json cause;
  if (record.cause)
    cause = store::render(*record.cause);
  return render_json(Json{{"outcome", render_outcome(record.outcome)},
                          {"number", record.number},
                          {"stop", render_stop(record.stop)},
                          {"cause", cause},
                          {"message", record.message},
                          {"warnings", record.warnings},
                          {"usage", usage_to_json(record.usage)},
                          {"exposed", exposed_to_json(record.exposed)},
                          {"edited", record.edited},
                          {"started_at", record.started_at.time_since_epoch().count()},
                          {"finished_at", record.finished_at.time_since_epoch().count()}}) +
         "\n";
}

Result<ExitRecord> parse_exit_record(std::string_view text) {
  DSTACK_TRY(const Json json, parse_json(text, "an exit record"));
  ExitRecord record;
  const std::string outcome = json_string(json, "outcome");
  if (outcome == "signaled")
    record.outcome = ExitRecord::Outcome::signaled;
  else if (outcome == "not started")
    record.outcome = ExitRecord::Outcome::not_started;
  else if (outcome != "exited")
    return fail(ErrorCode::internal, "an exit record has the unknown outcome '" + outcome + "'");
  record.number = static_cast<int>(json_integer(json, "number"));
  record.stop = parse_stop(json_string(json, "stop"));
  record.cause = store::parse_cause(json_string(json, "cause"));
  record.message = json_string(json, "message");
  record.warnings = json_strings(json, "warnings");
  if (const Json* usage = json_member(json, "usage"))
    record.usage = usage_from_json(*usage);
  record.exposed = exposed_from_json(json_member(json, "exposed"));
  record.edited = json_boolean(json, "edited");
  record.started_at = timestamp(json_integer(json, "started_at"));
  record.finished_at = timestamp(json_integer(json, "finished_at"));
  return record;
}

}  // namespace dstack::run

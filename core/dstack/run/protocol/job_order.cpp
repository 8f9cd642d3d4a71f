#include "dstack/run/protocol/job_order.hpp"

#include "dstack/plan/plan.hpp"
#include "dstack/run/protocol/json.hpp"

#include <algorithm>
#include <limits>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace dstack::run {

namespace {

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

}  // namespace

bool has_secrets(const JobOrder& order) {
  return !order.secrets.empty() || !order.secret_variables.empty();
}

bool is_secret_variable(const JobOrder& order, const std::string& name) {
  return std::find(order.secret_variables.begin(), order.secret_variables.end(), name) !=
         order.secret_variables.end();
}

std::string render_job_order(const JobOrder& order) {
  Json inputs = Json::array();
  for (const auto& input : order.inputs)
    inputs.push_back(job::tree_to_json(input));
  return render_json(Json{{"home", order.home},
                          {"run", order.run},
                          {"index", order.index},
                          {"attempt", order.attempt},
                          {"attempts", order.attempts},
                          {"project", order.project},
                          {"provider", order.provider},
                          {"spec", job::render_job(order.spec)},
                          {"environment", pairs_to_json(order.environment)},
                          {"secret_variables", order.secret_variables},
                          {"secrets", order.secrets},
                          {"ports", order.ports},
                          {"code", job::tree_to_json(order.code)},
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
  DSTACK_TRY(order.spec, job::parse_job(*spec));
  DSTACK_TRY(order.code, job::tree_from_json(*code));
  order.environment = pairs_from_json(*environment);
  order.secret_variables = json_strings(json, "secret_variables");
  order.secrets = json_strings(json, "secrets");
  DSTACK_TRY(order.ports, ports_from_json(json_member(json, "ports")));
  for (const Json& input : *inputs) {
    DSTACK_TRY(auto tree, job::tree_from_json(input));
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

}  // namespace dstack::run

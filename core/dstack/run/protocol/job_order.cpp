#include "dstack/run/protocol/job_order.hpp"

#include "dstack/base/json_fields.hpp"
#include "dstack/base/patience.hpp"
#include "dstack/base/text.hpp"

#include <algorithm>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace dstack::run {

namespace {

const std::string* find_variable(const JobOrder& order, const std::string& name) {
  for (const auto& [key, value] : order.environment)
    if (key == name)
      return &value;
  return nullptr;
}

std::vector<std::uint16_t> ports_in_environment(const JobOrder& order) {
  std::vector<std::uint16_t> ports;
  for (std::uint32_t i = 0; i < order.spec.ports; ++i)
    if (const auto* text = find_variable(order, "JOB_PORT_" + std::to_string(i)))
      if (const auto port = parse_number<std::uint16_t>(*text))
        ports.push_back(*port);
  return ports;
}

std::vector<std::string> gpus_in_environment(const JobOrder& order) {
  std::vector<std::string> gpus;
  if (const auto* text = find_variable(order, "CUDA_VISIBLE_DEVICES"))
    for (const std::string_view gpu : split(*text, ','))
      if (!gpu.empty())
        gpus.emplace_back(gpu);
  return gpus;
}

}  // namespace

template <class Fields, MaybeConst<JobOrder> Self>
void fields(Fields& fields, Self& order) {
  fields.member("home", order.home);
  fields.member("run", order.run);
  fields.member("id", order.id);
  fields.member("index", order.index);
  fields.member("attempt", order.attempt);
  fields.member("attempts", order.attempts);
  fields.member("project", order.project);
  fields.optional("place", order.place);
  fields.member("provider", order.provider);
  fields.required("spec", order.spec);
  fields.required("environment", order.environment);
  fields.member("secret_variables", order.secret_variables);
  fields.member("secrets", order.secrets);
  fields.optional("env_variables", order.env_variables);
  fields.optional("env_files", order.env_files);
  fields.optional("env_texts", order.env_texts);
  fields.member("ports", order.ports);
  fields.member("gpus", order.gpus);
  fields.required("code", order.code);
  fields.optional("input_files", order.input_files);
  fields.required("inputs", order.inputs);
  fields.optional("links", order.links);
  fields.member("python", order.python);
  fields.member("stop_grace", order.stop_grace);
  fields.member("keep_changes", order.keep_changes);
  fields.optional("clock", order.clock);
  fields.member("log_limit", order.log_limit);
}

bool has_secrets(const JobOrder& order) {
  return !order.secrets.empty() || !order.secret_variables.empty() ||
         std::any_of(order.env_files.begin(), order.env_files.end(), [](const job::EnvFile& file) {
           return file.mask;
         });
}

bool is_secret_variable(const JobOrder& order, const std::string& name) {
  const auto has = [&](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  return has(order.secret_variables) || has(order.env_variables);
}

void to_json(Json& json, const JobOrder& order) {
  write_fields(json, order);
}

void from_json(const Json& json, JobOrder& order) {
  read_fields(json, order, "order");
  if (const auto* id = find_variable(order, "JOB_ID"); id != nullptr && !json.contains("id"))
    order.id = *id;
  if (!json.contains("ports"))
    order.ports = ports_in_environment(order);
  if (!json.contains("gpus"))
    order.gpus = gpus_in_environment(order);
}

std::string render_job_order(const JobOrder& order) {
  return render_json(order);
}

Result<JobOrder> parse_job_order(std::string_view text) {
  DSTACK_TRY(const Json json, parse_json(text, "a job's order"));
  return from_json_value<JobOrder>(json, "a job's order");
}

Result<Fd> hand_over_order(std::string_view text) {
  Fd file(::memfd_create("order", MFD_CLOEXEC));
  if (!file)
    return fail_errno("cannot pass an order on");
  DSTACK_CHECK(write_all(file.get(), text));
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

Result<std::string> read_order(int order) {
  return with_patience([order]() -> Result<std::string> {
    (void)::lseek(order, 0, SEEK_SET);  // of a pipe, which has no beginning, it is the only try
    return read_all(order);
  });
}

Result<std::string> take_order() {
  DSTACK_TRY(std::string text, read_order(STDIN_FILENO));
  DSTACK_CHECK(leave_empty_input());
  return text;
}

Result<void> leave_empty_input() {
  DSTACK_TRY(const Fd nothing, with_patience([] { return open_file("/dev/null", O_RDONLY); }));
  if (::dup2(nothing.get(), STDIN_FILENO) < 0)
    return fail_errno("cannot open '/dev/null' as the standard input");
  return {};
}

}  // namespace dstack::run

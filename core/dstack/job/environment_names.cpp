#include "dstack/job/environment_names.hpp"

#include "dstack/base/text.hpp"
#include "dstack/base/words.hpp"

#include <algorithm>
#include <array>

namespace dstack::job {

namespace {

using namespace std::string_view_literals;

using Value = ReservedValues::Value;
using Values = std::vector<Value>;

enum class Numbered { no, yes };

/// One name, or those with the numbers 0, 1, … appended, and the values of a job; empty where it
/// has no such variable.
struct ReservedVariable {
  std::string_view name;
  Numbered numbered;
  Values (*values)(const ReservedValues& job);
};

constexpr std::array reserved_table = {
    ReservedVariable{
        "RUN_NAME", Numbered::no, [](const auto& job) { return Values{job.run_name}; }},
    ReservedVariable{"JOB_ID", Numbered::no, [](const auto& job) { return Values{job.job_id}; }},
    ReservedVariable{
        "JOB_HOSTNAME", Numbered::no, [](const auto& job) { return Values{job.host}; }},
    ReservedVariable{"HOSTNAME", Numbered::no, [](const auto& job) { return Values{job.host}; }},
    ReservedVariable{"JOB_PORT_", Numbered::yes, [](const auto& job) { return job.ports; }},
    ReservedVariable{"PORT_", Numbered::yes, [](const auto& job) { return job.ports; }},
    ReservedVariable{
        "MASTER_JOB_ID",
        Numbered::no,
        [](const auto& job) { return job.master ? Values{job.master->id} : Values(); }},
    ReservedVariable{
        "MASTER_JOB_HOSTNAME",
        Numbered::no,
        [](const auto& job) { return job.master ? Values{job.master->host} : Values(); }},
    ReservedVariable{"MASTER_JOB_PORT_",
                     Numbered::yes,
                     [](const auto& job) { return job.master ? job.master->ports : Values(); }},
    ReservedVariable{
        job_folder_variable,
        Numbered::no,
        [](const auto& job) { return job.has_job_folder ? Values{std::nullopt} : Values(); }},
    ReservedVariable{
        metrics_variable,
        Numbered::no,
        [](const auto& job) { return job.has_metrics ? Values{std::nullopt} : Values(); }},
    ReservedVariable{
        "DSTACK_PROJECT", Numbered::no, [](const auto& job) { return Values{job.project}; }},
    ReservedVariable{
        "DSTACK_GIT_COMMIT", Numbered::no, [](const auto& job) { return Values{job.git.commit}; }},
    ReservedVariable{
        "DSTACK_GIT_BRANCH", Numbered::no, [](const auto& job) { return Values{job.git.branch}; }},
    ReservedVariable{
        "DSTACK_GIT_REMOTE", Numbered::no, [](const auto& job) { return Values{job.git.remote}; }},
    ReservedVariable{
        "CUDA_VISIBLE_DEVICES", Numbered::no, [](const auto& job) { return Values{job.gpus}; }},
    ReservedVariable{
        "CUDA_DEVICE_ORDER", Numbered::no, [](const auto&) { return Values{"PCI_BUS_ID"}; }},
};

constexpr std::array base_names = {
    "PATH"sv,
    "HOME"sv,
    "USER"sv,
    "LANG"sv,
    "TERM"sv,
    "TZ"sv,
    "TMPDIR"sv,
    "HTTP_PROXY"sv,
    "HTTPS_PROXY"sv,
    "FTP_PROXY"sv,
    "ALL_PROXY"sv,
    "NO_PROXY"sv,
    "REQUESTS_CA_BUNDLE"sv,
    "LD_LIBRARY_PATH"sv,
    "PYTHONUNBUFFERED"sv,
};
constexpr std::array engine_names = {
    "DOCKER_HOST"sv,
    "DOCKER_CONTEXT"sv,
    "DOCKER_CONFIG"sv,
    "DOCKER_TLS_VERIFY"sv,
    "DOCKER_TLS"sv,
    "DOCKER_CERT_PATH"sv,
    "CONTAINER_HOST"sv,
    "REGISTRY_AUTH_FILE"sv,
    "XDG_RUNTIME_DIR"sv,
};
constexpr std::array base_prefixes = {"LC_"sv, "SSL_CERT_"sv};

bool begins_with(std::string_view name, std::string_view prefix) {
  return name.substr(0, prefix.size()) == prefix;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

std::vector<std::pair<std::string, Value>> reserved_variables(const ReservedValues& values) {
  std::vector<std::pair<std::string, Value>> variables;
  for (const ReservedVariable& variable : reserved_table) {
    std::size_t number = 0;
    for (Value& value : variable.values(values)) {
      std::string name(variable.name);
      if (variable.numbered == Numbered::yes)
        name += std::to_string(number++);
      variables.emplace_back(std::move(name), std::move(value));
    }
  }
  return variables;
}

bool is_reserved_environment_name(std::string_view name) {
  return std::any_of(
      reserved_table.begin(), reserved_table.end(), [&](const ReservedVariable& variable) {
        return variable.numbered == Numbered::no ? name == variable.name
                                                 : begins_with(name, variable.name) &&
                                                       is_number(name.substr(variable.name.size()));
      });
}

std::vector<std::string> reserved_environment_names() {
  std::vector<std::string> names;
  for (const ReservedVariable& variable : reserved_table)
    names.emplace_back(variable.name);
  return names;
}

std::string_view advice_on_reserved_name(std::string_view name) {
  if (name == "CUDA_VISIBLE_DEVICES")
    return "it lists the GPUs that a job was given: ask for them with 'resources: {gpu: N}', or "
           "'--gpu N' on the command line; a job without sees none. Where the run is started, "
           "CUDA_VISIBLE_DEVICES selects those that may be given";
  if (name == "CUDA_DEVICE_ORDER")
    return "it is PCI_BUS_ID in every job, so that the numbers of GPUs mean the same in all";
  if (begins_with(name, "JOB_PORT_") || begins_with(name, "PORT_"))
    return "the numbers of ports are chosen when the job starts; choose another name";
  return "choose another name";
}

Error reserved_name_error(std::string_view name, SourceLocation where, ErrorCode code) {
  return make_error(code, "'{}' is set by dstack itself", name)
      .at(std::move(where))
      .with_hint("{}", advice_on_reserved_name(name));
}

bool is_base_environment_name(std::string_view name) {
  // Programs read the proxies' names in either case.
  const std::string upper = to_upper(name);
  const bool proxy = upper.size() > 6 && upper.compare(upper.size() - 6, 6, "_PROXY") == 0;
  const std::string_view known = proxy ? std::string_view(upper) : name;
  if (std::find(base_names.begin(), base_names.end(), known) != base_names.end())
    return true;
  return std::any_of(base_prefixes.begin(), base_prefixes.end(), [&](std::string_view prefix) {
    return begins_with(name, prefix);
  });
}

bool is_inherited_environment_name(std::string_view name) {
  return is_base_environment_name(name) ||
         std::find(engine_names.begin(), engine_names.end(), name) != engine_names.end();
}

bool is_environment_name(std::string_view name) {
  return !name.empty() && (name[0] < '0' || name[0] > '9') &&
         std::all_of(name.begin(), name.end(), is_word_part);
}

bool is_proxy_variable(std::string_view name) {
  return to_lower(name).ends_with("_proxy");
}

}  // namespace dstack::job

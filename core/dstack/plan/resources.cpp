#include "dstack/plan/resources.hpp"

#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/plan/draft.hpp"
#include "dstack/plan/options.hpp"
#include "dstack/resources/limits.hpp"

#include <map>

namespace dstack::plan {

namespace {

/// The option of the key, for messages: "--gpu".
std::string flag_of(std::string_view key) {
  for (const provider::ResourceFlag& resource : provider::resource_flags())
    if (resource.key == key)
      return resource.flag.name;
  return "--" + std::string(split(key, '.').front());
}

/// As the value of an option, never more than `bytes`: "15GB".
std::string option_size(std::uint64_t bytes) {
  if (bytes >= 1'000'000'000)
    return std::to_string(bytes / 1'000'000'000) + "GB";
  return std::to_string(bytes / 1'000'000) + "MB";
}

class Checker {
 public:
  Checker(const Draft& draft, const Machine& machine, std::vector<Error>& errors)
      : draft_(draft), machine_(machine), errors_(errors) {}

  void check(const job::JobSpec& job) {
    const job::Resources& wanted = job.resources;
    if (wanted.processes > 0 && !job.container)
      check_processes(wanted);
    if (machine_.cpu > 0 && wanted.cpu > machine_.cpu)
      refuse("cpu",
             plural(wanted.cpu, "CPU"),
             fmt::format("this machine has {}", plural(machine_.cpu, "CPU")),
             std::to_string(machine_.cpu));
    if (machine_.memory > 0 && wanted.memory > machine_.memory)
      refuse("memory",
             fmt::format("{} of memory", render_size(wanted.memory)),
             fmt::format("this machine has {}", render_size(machine_.memory)),
             option_size(machine_.memory));
    if (machine_.memory > 0 && wanted.shm_size > machine_.memory)
      refuse("shm_size",
             fmt::format("{} of shared memory", render_size(wanted.shm_size)),
             fmt::format("this machine has {}", render_size(machine_.memory)),
             option_size(machine_.memory));
    check_gpus(wanted);
  }

  /// Jobs that start together, each of which would fit alone.
  void check_together(const std::vector<job::Resources>& jobs) {
    if (can_be_granted(jobs, machine_))
      return;
    job::Resources all;
    for (const job::Resources& job : jobs) {
      all.cpu += job.cpu;
      all.memory += job.memory;
      all.gpu += job.gpu;
    }
    errors_.push_back(
        make_error(ErrorCode::unavailable,
                   "workflow '{}' asks for {}, all of it at once, for {} that start together: this "
                   "machine has {}, {} of memory and {}",
                   draft_.workflow->name,
                   describe_reserved(all),
                   plural(jobs.size(), "job"),
                   plural(machine_.cpu, "CPU"),
                   render_size(machine_.memory),
                   resources::describe_gpus(machine_))
            .at(place_of(draft_, "resources"))
            .with_hint("ask for fewer jobs, or for less in each"));
  }

 private:
  /// The kernel's limit without a control group counts all processes of the user's.
  void check_processes(const job::Resources& wanted) {
    const resources::Enforcement enforcement = resources::find_enforcement().processes;
    if (resources::is_control_group(enforcement.kind))
      return;
    errors_.push_back(make_error(ErrorCode::unavailable,
                                 "workflow '{}' limits its processes to {}, which takes a control "
                                 "group: {}",
                                 draft_.workflow->name,
                                 wanted.processes,
                                 enforcement.why)
                          .at(place_of(draft_, "resources.processes"))
                          .with_hint("leave 'processes' out; 'dstack doctor' shows what can be "
                                     "limited here"));
  }

  void check_gpus(const job::Resources& wanted) {
    const std::size_t fitting = resources::fitting_gpus(machine_, wanted).size();
    if (wanted.gpu <= fitting)
      return;
    std::string has = fmt::format("this machine has {}", resources::describe_gpus(machine_));
    if (fitting < machine_.gpus.size())
      has += fmt::format(", {} of them suitable", fitting);
    refuse("gpu.count", describe_gpus(wanted), has, std::to_string(fitting), other_gpu(wanted));
    if (fitting == 0 && !machine_.gpus.empty())  // the number is not the reason
      errors_.back().where =
          place_of(draft_, wanted.gpu_name.empty() ? "resources.gpu.memory" : "resources.gpu.name");
  }

  /// The options that ask for as many GPUs of another kind; empty where there is none.
  std::string other_gpu(const job::Resources& wanted) const {
    const auto is_enough = [&](const job::Resources& other) {
      return resources::fitting_gpus(machine_, other).size() >= wanted.gpu;
    };
    job::Resources other = wanted;
    for (const config::Gpu& gpu : machine_.gpus)
      if (other.gpu_name = gpu.name; !wanted.gpu_name.empty() && is_enough(other))
        return fmt::format("{} {}", flag_of("gpu.name"), shell_quote(gpu.name));
    other = wanted;
    std::uint64_t most = 0;
    for (const config::Gpu& gpu : machine_.gpus)
      if (other.gpu_memory = gpu.memory; gpu.memory > most && is_enough(other))
        most = gpu.memory;
    return most == 0 ? "" : fmt::format("{} {}", flag_of("gpu.memory"), option_size(most));
  }

  static std::string describe_gpus(const job::Resources& wanted) {
    std::string text = plural(wanted.gpu, "GPU");
    if (!wanted.gpu_name.empty())
      text += fmt::format(" '{}'", wanted.gpu_name);
    if (wanted.gpu_memory > 0)
      text += fmt::format(" with {}", render_size(wanted.gpu_memory));
    return text;
  }

  void refuse(std::string_view key,
              const std::string& asked,
              const std::string& has,
              const std::string& possible,
              const std::string& alternative = {}) {
    std::string options;
    std::string hint;
    const bool option =
        draft_.role == Role::target &&
        property_of_type(draft_.manifest(), provider::PropertyType::resources) != nullptr;
    if (option)
      options = fmt::format("; {}{} {}{}",
                            alternative.empty() ? "" : fmt::format("{} fits, ", alternative),
                            flag_of(key),
                            possible,
                            possible == "0" ? " runs without" : " runs with what is there");
    else
      hint = fmt::format("lower `{}` in the resources of workflow '{}'",
                         split(key, '.').front(),
                         draft_.workflow->name);
    errors_.push_back(make_error(ErrorCode::unavailable,
                                 "workflow '{}' asks for {}: {}{}",
                                 draft_.workflow->name,
                                 asked,
                                 has,
                                 options)
                          .at(place_of(draft_, "resources." + std::string(key)))
                          .with_hint("{}", hint));
  }

  const Draft& draft_;
  const Machine& machine_;
  std::vector<Error>& errors_;
};

/// The first of those that a job starts with.
std::size_t leader_of(const std::vector<job::JobSpec>& jobs, std::size_t job) {
  while (jobs[job].master)
    job = *jobs[job].master;
  return job;
}

void check_gangs(const Draft& draft, const Machine& machine, std::vector<Error>& errors) {
  std::map<std::size_t, std::vector<job::Resources>> gangs;
  for (std::size_t job = 0; job < draft.jobs.size(); ++job)
    if (draft.jobs[job].master)
      gangs[leader_of(draft.jobs, job)].push_back(draft.jobs[job].resources);
  for (auto& [leader, jobs] : gangs) {
    jobs.push_back(draft.jobs[leader].resources);
    Checker(draft, machine, errors).check_together(jobs);
  }
}

}  // namespace

job::Resources planned_resources(const provider::CheckedProperties& properties) {
  const Json* map = json_member(properties.values, "resources");
  if (map == nullptr)
    return {};
  return job::parse_resources(*map).value_or(job::Resources());
}

bool can_be_granted(const std::vector<job::Resources>& jobs, const Machine& machine) {
  resources::Entry sum;
  sum.demand = resources::demand_of(jobs, machine);
  return resources::find_grant({{sum}}, sum.number, {machine.cpu, machine.memory}).has_value();
}

std::string describe_reserved(const job::Resources& resources) {
  std::vector<std::string> parts;
  if (resources.cpu > 0)
    parts.push_back(fmt::format("cpu {}", resources.cpu));
  if (resources.memory > 0)
    parts.push_back(fmt::format("memory {}", render_size(resources.memory)));
  if (resources.gpu > 0) {
    std::string gpu = plural(resources.gpu, "GPU");
    if (!resources.gpu_name.empty())
      gpu += fmt::format(" {}", resources.gpu_name);
    if (resources.gpu_memory > 0)
      gpu += fmt::format(" of {}", render_size(resources.gpu_memory));
    parts.push_back(std::move(gpu));
  }
  return join(parts, ", ");
}

std::string describe_unreserved(const job::Resources& resources) {
  std::vector<std::string> parts;
  if (resources.shm_size > 0)
    parts.push_back(fmt::format("shared memory {}", render_size(resources.shm_size)));
  if (resources.processes > 0)
    parts.push_back(fmt::format("at most {} processes", resources.processes));
  if (resources.disk > 0)
    parts.push_back(
        fmt::format("at most {} written into its workspace", render_size(resources.disk)));
  if (resources.interruptible)
    parts.push_back("interruptible");
  if (resources.local)
    parts.push_back("local");
  return join(parts, ", ");
}

void check_resources(const Drafts& drafts, const Machine& machine, std::vector<Error>& errors) {
  for (const Draft& draft : drafts.all) {
    if (!draft.planned)
      continue;
    const std::size_t errors_before = errors.size();
    const job::Resources* last = nullptr;
    for (const job::JobSpec& job : draft.jobs) {
      // Most jobs of a workflow ask for the same, which is reported once.
      if (last == nullptr || !(*last == job.resources))
        Checker(draft, machine, errors).check(job);
      last = &job.resources;
    }
    if (errors.size() == errors_before)
      check_gangs(draft, machine, errors);
  }
}

}  // namespace dstack::plan

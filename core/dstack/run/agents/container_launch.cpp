#include "dstack/run/agents/container_launch.hpp"

#include "dstack/base/file.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/job/stop_signal.hpp"
#include "dstack/run/protocol/job_order.hpp"

#include <algorithm>

namespace dstack::run {

namespace {

using Environment = std::vector<std::pair<std::string, std::string>>;

const std::string* find_variable(const Environment& environment, std::string_view name) {
  for (const auto& [key, value] : environment)
    if (key == name)
      return &value;
  return nullptr;
}

/// Inside, only the given GPUs exist, and they are numbered from 0. An image that asks for all of
/// them gets none, when none were given.
void number_gpus(std::size_t count, Environment& environment) {
  std::string numbers;
  for (std::size_t gpu = 0; gpu < count; ++gpu)
    numbers += (gpu == 0 ? "" : ",") + std::to_string(gpu);
  for (auto& [name, value] : environment)
    if (name == "CUDA_VISIBLE_DEVICES")
      value = numbers;
  if (count == 0 && find_variable(environment, "NVIDIA_VISIBLE_DEVICES") == nullptr)
    environment.emplace_back("NVIDIA_VISIBLE_DEVICES", "void");
}

std::vector<std::string> with(std::vector<std::string> arguments,
                              const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

/// The job's own program, without its setup commands.
std::vector<std::string> main_command(const job::JobSpec& spec, const backend::ImageFacts& image) {
  const std::vector<std::string>& entrypoint = spec.container->entrypoint;
  if (!spec.commands.empty())
    return with(entrypoint, {join(spec.commands, "\n")});
  if (!entrypoint.empty())
    return with(entrypoint, spec.argv);
  return with(image.entrypoint, spec.argv.empty() ? image.command : spec.argv);
}

}  // namespace

std::vector<std::string> container_command(const job::JobSpec& spec,
                                           const backend::ImageFacts& image,
                                           const std::string& script) {
  const bool own_shell = !spec.commands.empty() && spec.container->entrypoint.empty();
  if (own_shell && !script.empty())
    return {"sh", "-e", script};
  if (own_shell)
    return {"sh",
            "-e",
            "-c",
            job::stop_trap(spec.stop_signal) + join(with(spec.setup, spec.commands), "\n")};
  const std::vector<std::string> command = main_command(spec, image);
  if (spec.setup.empty() || command.empty())
    return command;
  return with({"sh", "-e", "-c", fmt::format("{}\nexec \"$@\"", join(spec.setup, "\n")), "sh"},
              command);
}

backend::ContainerLaunch container_launch(const AgentOrder& order) {
  const job::Resources& resources = order.job.spec.resources;
  backend::ContainerLaunch launch;
  launch.run = order.job.run;
  for (const auto& variable : order.job.environment)
    if (!is_secret_variable(order.job, variable.first))
      launch.environment.push_back(variable);
  launch.job = order.job.id;
  launch.workspace = order.workspace;
  launch.working_dir = order.job.spec.working_dir;
  for (const auto& [at, target] : order.job.links)
    launch.mounts.emplace_back(real_path(target).string(), at);
  launch.ports = order.job.ports;
  launch.cpu = resources.cpu;
  launch.memory = resources.memory;
  launch.shm_size = resources.shm_size;
  launch.processes = resources.processes;
  launch.privileges = order.job.spec.container->privileges;
  launch.gpus = order.job.gpus;
  launch.grace = order.job.stop_grace;
  launch.stop_signal = job::stop_signal_number(order.job.spec.stop_signal).value_or(SIGTERM);
  launch.cores = order.cores;
  number_gpus(launch.gpus.size(), launch.environment);
  return launch;
}

}  // namespace dstack::run

#include "dstack/job/stop_signal.hpp"
#include "dstack/provider/manifest/manifest.hpp"

namespace dstack::provider {

namespace {

Property common(std::string name, PropertyType type, std::string help) {
  Property property;
  property.name = std::move(name);
  property.type = type;
  property.help = std::move(help);
  property.common = true;
  return property;
}

std::vector<Property> make_common_properties() {
  Property environment = common("environment",
                                PropertyType::environment,
                                "Environment variables: a map, or a list of NAME=VALUE and NAME");
  environment.aliases = {"env"};
  environment.suggest_for = {"env_vars", "envs", "variables"};
  environment.flag = Flag{"--env", "-e", "NAME[=VALUE]", true};
  Property working_dir = common("working_dir",
                                PropertyType::folder,
                                "Where the job runs, relative to the project's root (the default)");
  working_dir.suggest_for = {"cwd", "wdir", "workdir", "dir", "directory", "working_directory"};
  working_dir.flag = Flag{"--working-dir", "", "DIR", false};
  Property artifacts = common("artifacts",
                              PropertyType::artifacts,
                              "Folders and files to save, relative to the working directory");
  artifacts.suggest_for = {"out", "outs", "output", "outputs", "results", "save"};
  artifacts.flag = Flag{"--artifact", "-a", "DIR", true};
  Property resources = common(
      "resources",
      PropertyType::resources,
      "What the job needs: cpu, memory, gpu, shm_size, processes, disk, interruptible, local");
  Property workspace = common("workspace",
                              PropertyType::text,
                              "Where the job works: in a folder of its own (private), in one of "
                              "real files (copy), or in the project itself (project)");
  workspace.choices = {"private", "copy", "project"};
  workspace.flag = Flag{"--workspace", "", "KIND", false};
  Property setup =
      common("setup", PropertyType::texts, "Commands before the main one, in the same shell");
  setup.aliases = {"before_run"};
  setup.flag = Flag{"--setup", "", "CMD", true};
  Property timeout = common("timeout",
                            PropertyType::duration,
                            "Time limit of the job, such as 90s or 2h; then it is stopped");
  timeout.suggest_for = {"time_limit"};
  timeout.flag = Flag{"--timeout", "", "TIME", false};
  Property retry =
      common("retry", PropertyType::integer, "How often a failed job is started again");
  retry.minimum = 0;
  retry.suggest_for = {"retries", "max_retries", "restart"};
  retry.flag = Flag{"--retry", "", "N", false};
  Property stop_signal =
      common("stop_signal",
             PropertyType::text,
             "The signal that asks the job to stop: TERM (the default), or one that it saves at");
  stop_signal.choices = job::stop_signals();
  stop_signal.prefix = "SIG";
  stop_signal.suggest_for = {"stopsignal", "kill_signal"};
  stop_signal.yields = true;
  stop_signal.flag = Flag{"--stop-signal", "", "SIGNAL", false};
  Property inputs = common("inputs",
                           PropertyType::inputs,
                           "Files and folders that are not code: paths from the project's root, or "
                           "{path, at, link}");
  inputs.yields = true;
  inputs.flag = Flag{"--input", "", "PATH", true};
  inputs.suggest_for = {"input", "input_files", "data", "files"};
  Property env_file =
      common("env_file",
             PropertyType::env_files,
             "Files with variables, a line NAME=VALUE each: paths, or {path, mask}");
  env_file.yields = true;
  env_file.suggest_for = {"env_files", "dotenv", "envfile"};
  env_file.flag = Flag{"--env-file", "", "FILE", true};
  Property sandbox = common("sandbox",
                            PropertyType::sandbox,
                            "What the job is kept from: files, strict, or {level, read, write, "
                            "network}");
  sandbox.yields = true;
  sandbox.suggest_for = {"sandboxed", "isolation", "isolate", "confine"};
  sandbox.flag = Flag{"--sandbox", "", "LEVEL", false};
  Property metrics = common("metrics",
                            PropertyType::metrics,
                            "Where the job reports its metrics: files and folders, or {files, log, "
                            "best}");
  metrics.yields = true;
  metrics.suggest_for = {"metric", "scores", "plots"};
  return {std::move(environment),
          std::move(env_file),
          std::move(inputs),
          std::move(working_dir),
          std::move(artifacts),
          std::move(resources),
          std::move(workspace),
          std::move(setup),
          std::move(timeout),
          std::move(retry),
          std::move(stop_signal),
          std::move(sandbox),
          std::move(metrics)};
}

}  // namespace

const std::vector<Property>& common_properties() {
  static const std::vector<Property> properties = make_common_properties();
  return properties;
}

const std::vector<ResourceFlag>& resource_flags() {
  static const std::vector<ResourceFlag> flags = {
      {{"--cpu", "", "N", false}, "cpu", "CPU cores"},
      {{"--memory", "", "SIZE", false}, "memory", "Memory, such as 16GB"},
      {{"--gpu", "", "N", false}, "gpu.count", "GPUs"},
      {{"--gpu-name", "", "NAME", false}, "gpu.name", "Kind of GPU, such as V100"},
      {{"--gpu-memory", "", "SIZE", false}, "gpu.memory", "Memory of each GPU, such as 16GB"},
      {{"--shm-size", "", "SIZE", false}, "shm_size", "Shared memory, such as 8GB"},
  };
  return flags;
}

}  // namespace dstack::provider

#include "dstack/run/supervisor/job_orders.hpp"

#include "dstack/job/artifact.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "dstack/run/supervisor/gathered_inputs.hpp"
#include "dstack/sweep/address.hpp"

#include <utility>

namespace dstack::run {

JobOrders::JobOrders(const files::Home& home, const store::RunRecord& run, const RunOrder& order)
    : home_(home.root.string()), run_(run.name), clock_(run.clock), order_(order) {}

void JobOrders::add(const job::Artifact& artifact) {
  artifacts_[artifact.workflow].push_back(artifact);
}

std::vector<std::uint16_t> JobOrders::ports_of(std::size_t job) const {
  const auto found = ports_.find(job);
  return found == ports_.end() ? std::vector<std::uint16_t>() : found->second;
}

void JobOrders::set_ports(std::size_t job, std::vector<std::uint16_t> ports) {
  ports_[job] = std::move(ports);
}

void JobOrders::set_gpus(std::size_t job, GpuIds gpus) {
  if (gpus.empty())
    gpus_.erase(job);
  else
    gpus_[job] = std::move(gpus);
}

JobOrder JobOrders::make(std::size_t job, std::size_t attempt, std::size_t attempts) const {
  const plan::PlannedJob& planned = order_.plan.jobs[job];
  const plan::PlannedWorkflow& workflow = order_.plan.workflows[planned.workflow];
  JobOrder order;
  order.home = home_;
  order.run = run_;
  order.id = order_.job_ids[job];
  order.index = job;
  order.attempt = attempt;
  order.attempts = attempts;
  order.project = order_.plan.project;
  order.place = order_.plan.place;
  order.provider = workflow.provider_path;
  order.spec = planned.spec;
  if (const auto gpus = gpus_.find(job); gpus != gpus_.end())
    order.gpus = gpus->second;
  order.environment = job_environment(order_, job, ports_, order.gpus);
  for (const plan::EnvironmentVariable& variable : planned.environment)
    if (variable.is_secret())
      order.secret_variables.push_back(variable.name);
  for (const plan::EnvironmentVariable& variable : planned.environment)
    if (variable.is_from_env_file())
      order.env_variables.push_back(variable.name);
  order.secrets = workflow.secrets;
  order.env_files = workflow.env_files;
  if (!workflow.env_files.empty())
    order.env_texts = env_texts_of(files::Home{home_}, order_).string();
  order.ports = ports_of(job);
  order.code = order_.code.snapshot;
  order.python = planned.python;
  order.stop_grace = order_.stop_grace;
  order.keep_changes = order_.keep_changes;
  order.clock = clock_;
  order.log_limit = order_.log_limit;
  for (const plan::Input& input : workflow.inputs)
    if (input.folder.empty())
      for (const job::Artifact& artifact : artifacts_of(input))
        order.inputs.push_back(artifact.tree);
  if (const auto gathered = gathered_.find(job); gathered != gathered_.end())
    order.inputs.push_back(gathered->second);
  add_input_files(workflow, order);
  return order;
}

void JobOrders::add_input_files(const plan::PlannedWorkflow& workflow, JobOrder& order) {
  const bool in_project = order.spec.workspace == job::WorkspaceKind::project;
  for (const job::InputFile& input : workflow.input_files) {
    // The user's own folder has its own files at their places.
    if (in_project && input.path == input.at)
      continue;
    if (input.link)
      order.links.emplace_back(input.at, job::source_of(order.project, input).string());
    else if (input.tree)
      order.input_files.push_back(*input.tree);
  }
}

Result<void> JobOrders::gather(std::size_t job) {
  const auto& inputs = order_.plan.workflows[order_.plan.jobs[job].workflow].inputs;
  std::vector<GatheredArtifact> artifacts;
  for (const plan::Input& input : inputs) {
    if (input.folder.empty())
      continue;
    const auto combination =
        input.producer ? order_.plan.workflows[*input.producer].combination : sweep::Combination();
    for (const job::Artifact& artifact : artifacts_of(input))
      artifacts.push_back({artifact.path,
                           artifact.tree,
                           input.folder,
                           input.producer
                               ? combination
                               : sweep::parts_of(sweep::combination_of(artifact.workflow))});
  }
  if (artifacts.empty() || gathered_.contains(job))
    return {};
  if (!objects_)
    objects_.emplace(files::Home{home_});
  DSTACK_TRY(const auto tree,
             run::gather(*objects_, artifacts)
                 .map_error(while_doing("gathering the artifacts of several combinations")));
  gathered_.emplace(job, tree);
  return {};
}

std::vector<job::Artifact> JobOrders::artifacts_of(const plan::Input& input) const {
  if (!input.producer)
    return input.artifacts;
  const auto found = artifacts_.find(order_.plan.workflows[*input.producer].name);
  return found == artifacts_.end() ? std::vector<job::Artifact>() : found->second;
}

}  // namespace dstack::run

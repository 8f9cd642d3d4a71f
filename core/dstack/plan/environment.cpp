#include "dstack/plan/environment.hpp"

#include "dstack/base/text.hpp"
#include "dstack/job/environment_names.hpp"
#include "dstack/job/job_spec.hpp"

#include <algorithm>

namespace dstack::plan {

namespace {

using Kind = VariableOrigin::Kind;

constexpr const char* unbuffered = "PYTHONUNBUFFERED";

/// Before the folder of the job's Python is put first.
std::string path_of(const Plan& plan, std::size_t job) {
  std::string path;
  for (const auto& layer : {base_of(plan, plan.jobs[job]), plan.jobs[job].environment})
    for (const EnvironmentVariable& variable : layer)
      if (variable.name == "PATH")
        path = variable.value;
  return path;
}

}  // namespace

std::vector<EnvironmentVariable> base_environment(
    const std::vector<std::pair<std::string, std::string>>& caller) {
  EnvironmentLayers layers;
  layers.add(unbuffered, "1", {Kind::base});  // a default of ours, whatever the caller has
  for (const auto& [name, value] : caller)
    if (job::is_inherited_environment_name(name) && name != unbuffered)
      layers.add(name, value, {Kind::base});
  return std::move(layers).merge();
}

std::vector<EnvironmentVariable> base_of(const Plan& plan, const PlannedJob& job) {
  if (!job.spec.container)
    return plan.base;
  std::vector<EnvironmentVariable> base;
  for (const EnvironmentVariable& variable : plan.base)
    if (variable.name == unbuffered || job::is_proxy_variable(variable.name))
      base.push_back(variable);
  return base;
}

std::vector<EnvironmentVariable> EnvironmentLayers::merge() && {
  std::stable_sort(
      all_.begin(), all_.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < all_.size(); ++i) {
    if (kept > 0 && all_[kept - 1].name == all_[i].name)
      --kept;
    if (kept != i)
      all_[kept] = std::move(all_[i]);
    ++kept;
  }
  all_.resize(kept);
  return std::move(all_);
}

namespace {

job::ReservedValues reserved_values(const Plan& plan, std::size_t job) {
  const job::JobSpec& spec = plan.jobs[job].spec;
  job::ReservedValues values;
  if (!plan.run_name.empty())
    values.run_name = plan.run_name;
  if (spec.resources.gpu == 0)
    values.gpus = "";
  values.ports.resize(spec.ports);
  if (const auto master = master_of(plan, job))
    values.master.emplace().ports.resize(plan.jobs[*master].spec.ports);
  values.project = plan.project;
  values.git = plan.git;
  values.has_job_folder = !spec.apps.empty() && !spec.container;
  values.has_metrics = !spec.container;
  return values;
}

}  // namespace

std::vector<EnvironmentVariable> reserved_environment(const Plan& plan, std::size_t job) {
  const VariableOrigin dstack{Kind::dstack};
  std::vector<EnvironmentVariable> all;
  for (auto& [name, value] : job::reserved_variables(reserved_values(plan, job)))
    all.push_back({std::move(name), value.value_or(known_later), dstack});
  const job::JobSpec& spec = plan.jobs[job].spec;
  const auto& own = plan.jobs[job].environment;
  if (!spec.token.empty() && std::none_of(own.begin(), own.end(), [&](const auto& variable) {
        return variable.name == spec.token && !variable.value.empty();
      }))
    all.push_back({spec.token, known_later, dstack});
  if (spec.python) {
    all.push_back({"PATH", known_later + (":" + path_of(plan, job)), dstack});
    if (!spec.python->requirements.empty() || !spec.python->packages.empty())
      all.push_back({"VIRTUAL_ENV", known_later, dstack});
  }
  return all;
}

bool have_same_surroundings(const PlannedJob& a, const PlannedJob& b) {
  const auto is_plain = [](const job::JobSpec& spec) {
    return spec.ports == 0 && !spec.master && spec.apps.empty() && spec.token.empty() &&
           !spec.python;
  };
  return is_plain(a.spec) && is_plain(b.spec) &&
         (a.spec.resources.gpu == 0) == (b.spec.resources.gpu == 0) &&
         a.spec.container.has_value() == b.spec.container.has_value();
}

}  // namespace dstack::plan

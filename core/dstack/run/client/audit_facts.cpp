#include "dstack/run/client/audit_facts.hpp"

#include "dstack/base/fd.hpp"
#include "dstack/base/file_digest.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/plan/named_secrets.hpp"
#include "dstack/sweep/address.hpp"

#include <map>
#include <set>

#include <fcntl.h>

namespace dstack::run {

namespace {

Json digest_of(const std::string& path) {
  const auto file = open_file(path, O_RDONLY);
  if (!file)
    return nullptr;
  const auto digest = hash_file(file->get());
  return digest ? Json(digest->render()) : Json(nullptr);
}

}  // namespace

Json audit_facts(const plan::Plan& plan) {
  Json workflows = Json::array();
  std::set<std::string> named;
  std::map<std::string, std::string> providers;
  std::map<std::string, std::set<std::string>> secrets;
  std::map<std::string, std::string> sandboxes;
  auto given = plan::secrets_by_workflow(plan);
  for (std::size_t i = 0; i < plan.workflows.size(); ++i) {
    const plan::PlannedWorkflow& workflow = plan.workflows[i];
    const std::string name(sweep::workflow_of(workflow.name));
    if (named.insert(name).second)
      workflows.push_back(name);
    providers.emplace(workflow.provider_path, workflow.provider);
    if (!given[i].empty())
      secrets[name].merge(given[i]);
  }
  for (const plan::PlannedJob& job : plan.jobs)
    if (job.spec.sandbox)
      sandboxes[std::string(sweep::workflow_of(plan.workflows[job.workflow].name))] =
          job::describe(*job.spec.sandbox);
  Json libraries = Json::array();
  for (const auto& [path, provider] : providers)
    libraries.push_back({{"provider", provider}, {"path", path}, {"sha256", digest_of(path)}});
  Json facts = {{"run", plan.run_name},
                {"project", plan.project},
                {"target", plan.target},
                {"workflows", std::move(workflows)},
                {"providers", std::move(libraries)}};
  if (!secrets.empty())
    facts["secrets"] = secrets;
  if (!sandboxes.empty())
    facts["sandboxes"] = sandboxes;
  return facts;
}

}  // namespace dstack::run

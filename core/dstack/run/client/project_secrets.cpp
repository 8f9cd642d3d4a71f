#include "dstack/run/client/project_secrets.hpp"

#include "dstack/base/json.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "dstack/secrets/vault.hpp"
#include "dstack/store/records/run_record.hpp"

#include <algorithm>

namespace dstack::run {

Result<ProjectSecrets> secrets_of(const files::Home& home,
                                  const Path& project,
                                  store::Records& records) {
  DSTACK_TRY(const auto vault, secrets::Vault::open(home.secrets()));
  auto names = vault.names_for(project.string());
  std::stable_partition(names.begin(), names.end(), [](const secrets::SecretName& secret) {
    return secret.project.empty();
  });
  ProjectSecrets found;
  for (const secrets::SecretName& secret : names) {
    found.names.push_back(secret.name);
    if (secret.project.empty())
      found.withheld.push_back(secret.name);
  }
  if (found.withheld.empty())
    return found;
  DSTACK_TRY(const bool agreed, has_run_before(records, project));
  if (agreed)
    found.withheld.clear();
  return found;
}

Result<bool> has_run_before(store::Records& records, const Path& project) {
  DSTACK_TRY(const auto last, records.last_run(project.string()));
  if (!last)
    return false;
  DSTACK_TRY(const std::string text, records.plan(last->id));
  // As JSON, which holds no bytes that are not UTF-8.
  return render_json(Json(project_of_run_order(text))) == render_json(Json(project.string()));
}

}  // namespace dstack::run

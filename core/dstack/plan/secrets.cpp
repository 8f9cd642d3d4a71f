// References to secrets in the files: each secret has to exist before anything starts, and none may
// be visible to people or other processes.
#include "dstack/base/text.hpp"
#include "dstack/config/project/interpolation.hpp"
#include "dstack/config/project/secret_reference.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/plan/draft.hpp"

#include <algorithm>
#include <set>

namespace dstack::plan {

namespace {

/// The parts of a job that are visible; values are put into the others when the job starts.
std::string visible_part(job::JobSpec job) {
  job.environment.clear();
  if (job.native.is_object())
    job.native.erase("secrets");
  if (job.python)
    job.python->index.clear();
  if (job.container) {
    job.container->username.clear();
    job.container->password.clear();
  }
  return render_json(job);
}

Error shown_secret(const Draft& draft, const config::SecretReference& reference) {
  return make_error(ErrorCode::configuration,
                    "provider '{}' would show the secret '{}' in its job, where others can read it",
                    draft.provider->name,
                    reference.name)
      .at(reference.where)
      .with_hint("every job has the secret as the variable {}", environment_name(reference.name));
}

}  // namespace

void check_secrets(const Drafts& drafts,
                   const PlanningContext& context,
                   std::vector<Error>& errors) {
  for (const Draft& draft : drafts.all)
    for (const config::SecretReference& reference : draft.secrets)
      if (std::find(context.secrets.begin(), context.secrets.end(), reference.name) ==
          context.secrets.end())
        errors.push_back(
            config::missing_secret(reference, context.secrets, config::SecretOwner::project));
}

void check_shown_secrets(const Draft& draft, std::vector<Error>& errors) {
  if (draft.secrets.empty())
    return;
  for (const job::JobSpec& job : draft.jobs) {
    const auto shown = config::secrets_in(visible_part(job));
    for (const config::SecretReference& reference : draft.secrets)
      if (std::find(shown.begin(), shown.end(), reference.name) != shown.end()) {
        errors.push_back(shown_secret(draft, reference));
        return;
      }
  }
}

bool refers_to_secret(const Draft& draft, const std::string& text) {
  const auto names = config::secrets_in(text);
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return std::any_of(draft.secrets.begin(), draft.secrets.end(), [&](const auto& reference) {
      return reference.name == name;
    });
  });
}

std::vector<std::string> secrets_of(const Draft& draft) {
  std::set<std::string> names;
  for (const config::SecretReference& reference : draft.secrets)
    names.insert(reference.name);
  return {names.begin(), names.end()};
}

}  // namespace dstack::plan

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

bool holds(const std::vector<config::SecretReference>& references, const std::string& name) {
  return std::any_of(references.begin(), references.end(), [&](const auto& reference) {
    return reference.name == name;
  });
}

bool holds(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_given(const Draft& draft, const PlanningContext& context, const std::string& name) {
  return !holds(context.withheld_secrets, name) || holds(context.project.secrets, name) ||
         holds(draft.workflow->secrets, name) || holds(draft.secrets, name);
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
  const auto check = [&](const std::vector<config::SecretReference>& references) {
    for (const config::SecretReference& reference : references)
      if (!holds(context.secrets, reference.name))
        errors.push_back(
            config::missing_secret(reference, context.secrets, config::SecretOwner::project));
  };
  check(context.project.secrets);
  for (const Draft& draft : drafts.all) {
    check(draft.workflow->secrets);
    check(draft.secrets);
  }
}

std::vector<std::string> given_secrets(const Draft& draft, const PlanningContext& context) {
  std::vector<std::string> given = context.secrets;
  std::erase_if(given, [&](const std::string& name) { return !is_given(draft, context, name); });
  return given;
}

void note_withheld_secrets(const Drafts& drafts,
                           const PlanningContext& context,
                           std::vector<std::string>& notices) {
  std::vector<std::string> missed;
  for (const std::string& name : context.withheld_secrets)
    if (std::any_of(drafts.all.begin(), drafts.all.end(), [&](const Draft& draft) {
          return !is_given(draft, context, name);
        }))
      missed.push_back(name);
  if (missed.empty())
    return;
  notices.push_back(
      fmt::format("your {} for all projects, {}, {} not given to the first run of a project that "
                  "does not name {}: write 'secrets: [{}]' in .dstack/workflows.yaml, or run it "
                  "once more if you trust it",
                  missed.size() == 1 ? "secret" : "secrets",
                  quoted_list(missed),
                  missed.size() == 1 ? "is" : "are",
                  missed.size() == 1 ? "it" : "them",
                  join(missed, ", ")));
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

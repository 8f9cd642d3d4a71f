#include "dstack/plan/redaction.hpp"

#include "dstack/config/project/secret_reference.hpp"
#include "dstack/job/job_spec.hpp"

#include <algorithm>

namespace dstack::plan {

namespace {

constexpr const char* hidden = "***";
constexpr std::size_t least_part = 6;  ///< shorter texts occur in others by chance

/// Calls `visit` with each text of a tree.
template <typename Tree, typename Visit>
void for_each_text(Tree& json, const Visit& visit) {
  if (json.is_string())
    visit(json);
  else if (json.is_structured())
    for (auto& part : json)
      for_each_text(part, visit);
}

/// The secrets of one workflow.
class Secrets {
 public:
  void take_from(job::JobSpec& job) {
    if (job.native.is_object() && job.native.contains("secrets"))
      for_each_text(job.native["secrets"], [&](Json& text) {
        // A reference reveals nothing.
        if (!config::secrets_in(text.get_ref<const std::string&>()).empty())
          return;
        add(text.get<std::string>());
        text = hidden;
      });
    if (job.container && !job.container->password.empty() &&
        config::secrets_in(job.container->password).empty()) {
      add(job.container->password);
      job.container->password = hidden;
    }
  }

  /// All texts of the properties that a manifest calls secret. Short ones, such as the name of a
  /// user, are hidden there, and not wherever else they occur.
  void take_from(PlannedWorkflow& workflow) {
    for (const std::string& property : workflow.secret_properties)
      if (workflow.properties.contains(property))
        for_each_text(workflow.properties[property], [&](Json& text) {
          if (!config::secrets_in(text.get_ref<const std::string&>()).empty())
            return;
          if (text.get_ref<const std::string&>().size() >= least_part)
            add(text.get<std::string>());
          text = hidden;
        });
  }

  bool empty() const { return texts_.empty(); }

  void hide_in(Json& json) const {
    for_each_text(json, [&](Json& text) {
      if (holds(text.get_ref<const std::string&>()))
        text = hidden;
    });
  }

  void hide_in(std::vector<EnvironmentVariable>& variables) const {
    for (EnvironmentVariable& variable : variables)
      if (holds(variable.value))
        variable.value = hidden;
  }

  /// What a job runs, where a secret is a part of it.
  void hide_in(std::vector<std::string>& texts) const {
    for (std::string& text : texts)
      for (const std::string& secret : texts_)
        if (secret.size() >= least_part)
          for (std::size_t at = 0; (at = text.find(secret, at)) != std::string::npos;)
            text.replace(at, secret.size(), hidden);
  }

 private:
  void add(std::string text) {
    if (!text.empty())
      texts_.push_back(std::move(text));
  }

  /// The whole of a secret, or what one was put together from.
  bool holds(const std::string& text) const {
    return std::any_of(texts_.begin(), texts_.end(), [&](const std::string& secret) {
      return text == secret ||
             (text.size() >= least_part && secret.find(text) != std::string::npos);
    });
  }

  std::vector<std::string> texts_;
};

}  // namespace

Plan without_secrets(Plan plan) {
  std::vector<Secrets> secrets(plan.workflows.size());
  for (PlannedJob& job : plan.jobs)
    secrets[job.workflow].take_from(job.spec);
  for (std::size_t i = 0; i < plan.workflows.size(); ++i)
    secrets[i].take_from(plan.workflows[i]);
  for (std::size_t i = 0; i < plan.workflows.size(); ++i) {
    if (secrets[i].empty())
      continue;
    secrets[i].hide_in(plan.workflows[i].properties);
    secrets[i].hide_in(plan.workflows[i].variables);
  }
  for (PlannedJob& job : plan.jobs)
    if (!secrets[job.workflow].empty()) {
      secrets[job.workflow].hide_in(job.environment);
      secrets[job.workflow].hide_in(job.spec.argv);
      secrets[job.workflow].hide_in(job.spec.commands);
      if (job.spec.python)
        secrets[job.workflow].hide_in(job.spec.python->index);
    }
  return plan;
}

}  // namespace dstack::plan

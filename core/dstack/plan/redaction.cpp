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
  for (std::size_t i = 0; i < plan.workflows.size(); ++i) {
    if (secrets[i].empty())
      continue;
    secrets[i].hide_in(plan.workflows[i].properties);
    secrets[i].hide_in(plan.workflows[i].variables);
  }
  for (PlannedJob& job : plan.jobs)
    if (!secrets[job.workflow].empty())
      secrets[job.workflow].hide_in(job.environment);
  return plan;
}

}  // namespace dstack::plan

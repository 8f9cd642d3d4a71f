#include "dstack/plan/sandboxes.hpp"

#include "dstack/base/json_fields.hpp"
#include "dstack/base/text.hpp"

namespace dstack::plan {

namespace {

constexpr const char* property = "sandbox";

/// As check_properties() has left it.
std::optional<job::Sandbox> asked_for(const Draft& draft) {
  const Json* value = json_member(draft.checked.values, property);
  if (value == nullptr || value->is_null())
    return std::nullopt;
  auto sandbox = from_json_value<job::Sandbox>(*value, {});
  return sandbox ? std::optional(*std::move(sandbox)) : std::nullopt;
}

Error less_than_required(const Draft& draft, const std::string& lowered) {
  return make_error(ErrorCode::configuration,
                    "workflow '{}' asks for less of a sandbox than config.yaml: {}",
                    draft.workflow->name,
                    lowered)
      .at(place_of(draft, property))
      .with_hint(
          "what jobs may do at most is a matter of dstack's home: change 'sandbox' in its "
          "config.yaml, or leave it out here");
}

/// Whether another process has to reach the job, or it others.
bool needs_network(const job::JobSpec& job) {
  return job.ports > 0 || !job.apps.empty() || job.master;
}

class Settling {
 public:
  Settling(Draft& draft, const std::optional<job::Sandbox>& required, std::vector<Error>& errors)
      : draft_(draft), required_(required), own_(asked_for(draft)), errors_(errors) {}

  void run() {
    if (own_ && required_)
      if (const std::string lowered = job::describe_lowered(*own_, *required_); !lowered.empty())
        return errors_.push_back(less_than_required(draft_, lowered));
    for (job::JobSpec& job : draft_.jobs)
      if (!(job.container ? check_container(job) : settle(job)))
        return;  // jobs of a workflow are alike
  }

 private:
  bool check_container(const job::JobSpec& job) {
    if (own_) {
      errors_.push_back(
          make_error(ErrorCode::configuration,
                     "'sandbox' of workflow '{}' is for jobs that run on this machine itself, and "
                     "this one runs in a container",
                     draft_.workflow->name)
              .at(place_of(draft_, property))
              .with_hint("leave it out: a container sees only its workspace and its image, and has "
                         "no more privileges than 'privileges' gives it"));
      return false;
    }
    if (!required_ || job.container->privileges.empty())
      return true;
    errors_.push_back(make_error(ErrorCode::configuration,
                                 "workflow '{}' asks for privileges, and config.yaml has a sandbox "
                                 "for all jobs",
                                 draft_.workflow->name)
                          .at(place_of(draft_, "privileges"))
                          .with_hint("leave 'privileges' out, or 'sandbox' in the config.yaml of "
                                     "dstack's home"));
    return false;
  }

  bool settle(job::JobSpec& job) {
    if (!job.sandbox)
      job.sandbox = own_ ? own_ : required_;
    if (!job.sandbox || job::network_of(*job.sandbox) == job::SandboxNetwork::host ||
        !needs_network(job))
      return true;
    errors_.push_back(make_error(ErrorCode::configuration,
                                 "workflow '{}' has ports, which nobody could reach: its sandbox "
                                 "has no network",
                                 draft_.workflow->name)
                          .at(place_of(draft_, property))
                          .with_hint("write 'sandbox: {{level: {}, network: host}}'{}",
                                     job::render(job.sandbox->level),
                                     required_ ? " in the config.yaml of dstack's home" : ""));
    return false;
  }

  Draft& draft_;
  const std::optional<job::Sandbox>& required_;
  const std::optional<job::Sandbox> own_;
  std::vector<Error>& errors_;
};

}  // namespace

void settle_sandboxes(Drafts& drafts,
                      const std::optional<job::Sandbox>& required,
                      std::vector<Error>& errors) {
  for (Draft& draft : drafts.all)
    if (draft.planned)
      Settling(draft, required, errors).run();
}

}  // namespace dstack::plan

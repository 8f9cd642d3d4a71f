// A context for plans: a project read from real YAML in a folder of its own, two providers that
// exist only as manifests and a function, a machine, tags. Nothing is started.
#pragma once

#include "dstack/base/file.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/plan/make.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace dstack::plan_test {

using namespace plan;

class Bench {
 public:
  Bench();

  /// The text of .dstack/workflows.yaml, and of variables.yaml.
  Bench& workflows(const std::string& yaml);
  Bench& variables(const std::string& yaml);
  Bench& files(const std::set<std::string>& paths);
  /// Without a call, there is no `.dstack` at all.
  Bench& undefined();

  Result<Plan> make(const std::string& target,
                    const std::vector<std::string>& target_arguments = {},
                    const std::vector<std::string>& arguments = {});
  /// The plan, which has to be there.
  Plan plan(const std::string& target,
            const std::vector<std::string>& target_arguments = {},
            const std::vector<std::string>& arguments = {});
  /// Every error as `MESSAGE @ FILE:LINE:COLUMN+LENGTH | HINT`, in order; empty when there is a
  /// plan.
  std::vector<std::string> errors(const std::string& target,
                                  const std::vector<std::string>& target_arguments = {},
                                  const std::vector<std::string>& arguments = {});
  std::vector<std::string> validation_errors();
  /// Of a project without errors.
  std::vector<std::string> validation_warnings();
  /// Writes a file of the project; files() makes it part of the code.
  Bench& file(const std::string& path, const std::string& text);

  PlanningContext context() const;

  const config::Project& project() const { return project_; }

  const provider::Registry& providers() const { return providers_; }

  Machine machine;
  std::map<std::string, std::string> environment;
  /// "workflow:tag" → paths of artifacts, saved by run quiet-otter-1.
  std::map<std::string, std::vector<std::string>> tags;
  std::string run_name;
  /// Where the user stands, from the project's root.
  std::string place;
  /// How many of the arguments are before the target.
  std::size_t leading = 0;
  /// Of the project.
  std::vector<std::string> secrets;
  /// As PlanningContext::choose_python: by default no interpreter is chosen.
  std::function<Result<python::Choice>(const python::VersionRequest&)> choose_python;
  /// What the provider `odd` answers.
  provider::PlanReply odd_reply;
  /// One entry for each time a provider was asked: its name and how many workflows.
  mutable std::vector<std::string> calls;

 private:
  void load();

  TemporaryFolder folder_;
  config::Project project_;
  provider::Registry providers_;
  source::Snapshot code_;
};

std::string describe(const Error& error);
/// "NAME=value (origin)", or "" when the job has no such variable above its base.
std::string variable(const PlannedJob& job, const std::string& name);

}  // namespace dstack::plan_test

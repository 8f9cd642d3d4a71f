// Prepares a job: its secrets, its workspace, its Python environment, its tools, and what its
// applications need. The result is what to start; nothing of the job runs yet.
#pragma once

#include "dstack/backend/local_process.hpp"
#include "dstack/run/runner/job_attempt.hpp"

#include <string>
#include <vector>

namespace dstack::run {

/// What to start, and what has to be known of it later.
struct PreparedJob {
  backend::Launch launch;  ///< but for its output and its descriptors
  /// Folders and files that are not this job's own, and that it must not write to by accident.
  std::vector<std::string> shared_folders;
  std::vector<std::string> tools;         ///< absolute paths of programs of JobSpec::tools
  std::vector<std::string> secret_names;  ///< of the values that the log hides, in their order
};

/// Once for each attempt.
class Preparation {
 public:
  /// Both must outlive it. The order in `attempt` is completed; `warnings` are the job's.
  Preparation(JobAttempt& attempt, std::vector<std::string>& warnings);

  Result<PreparedJob> run();

 private:
  Result<void> resolve_secrets();
  Result<void> make_workspace();
  /// Where that is possible, the job cannot write to what is linked.
  void protect_links();
  Result<void> prepare_python();
  /// A folder for what the job installs itself, before the environment's.
  Result<void> offer_own_packages(const Path& environment);
  /// A hard link to the environment's list, which never changes.
  Result<void> record_packages(const Path& list) const;
  /// The provider finds the program in a variable named after it.
  Result<void> prepare_tool(const std::string& wanted);
  /// A token unless the user has set one, and a folder for private files of the applications.
  Result<void> prepare_applications();
  Result<void> prepare_metrics();
  Result<void> complete_launch(const Path& working_dir);

  JobAttempt& attempt_;
  JobOrder& order_;
  std::vector<std::string>& warnings_;
  std::vector<std::string> secret_values_;  ///< what no installer may show
  PreparedJob job_;
};

}  // namespace dstack::run

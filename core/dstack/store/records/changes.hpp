// What is written into the database: a new run, and what becomes of it.
#pragma once

#include "dstack/job/application.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/code.hpp"
#include "dstack/job/edits.hpp"
#include "dstack/job/run_clock.hpp"
#include "dstack/job/status.hpp"
#include "dstack/job/tree_reference.hpp"
#include "dstack/job/usage.hpp"
#include "dstack/store/records/notification.hpp"
#include "dstack/store/records/run_record.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dstack::store {

struct NewJob {
  std::size_t workflow = 0;
  std::string id = {};
};

struct NewWorkflow {
  std::string name = {};
  std::string provider = {};
};

struct NewRun {
  std::string name = {};
  std::string project = {};
  std::string target = {};
  std::string machine = {};
  std::string boot = {};  ///< the one in which it is submitted
  std::string tag = {};   ///< to be set on success; may be empty
  job::CodeRecord code = {};
  std::vector<job::TreeReference> inputs = {};  ///< beside the code; each as often as it occurs
  std::vector<NewWorkflow> workflows = {};
  std::vector<NewJob> jobs = {};
  std::string plan = {};  ///< the plan as JSON, kept whole
};

/// One step of one job's life. `at` is when it happened.
struct JobChange {
  std::size_t job = 0;
  job::Status status = job::Status::submitted;
  job::Moment at = {};
  std::string reason = {};
  std::vector<std::string> warnings = {};
  std::optional<job::Cause> cause = {};
  std::optional<int> exit_code = {};
  std::optional<int> signal = {};
  job::Usage usage = {};  ///< what is not known changes nothing
  /// How its workspace was made: "overlay", "overlay in a user namespace", "copy", "project" (the
  /// user's own folder). Likewise, when empty.
  std::string workspace = {};
};

struct WorkflowChange {
  std::size_t workflow = 0;
  job::Status status = job::Status::submitted;
  job::Moment at = {};
  /// When its first job left the queue, where this status does not say it: the job may have ended
  /// by now. One that is on record stays.
  std::optional<job::Moment> started_at = {};
  std::optional<job::Cause> cause = {};
  std::optional<int> exit_code = {};
  std::optional<int> signal = {};
};

/// A stop that reached the supervisor before it could be recorded.
struct WorkflowStop {
  std::size_t workflow = 0;
  job::StopRequest request = job::StopRequest::stop;
};

/// What a supervisor records at one moment: all of it becomes durable together, or nothing.
struct RunChanges {
  std::vector<JobChange> jobs = {};
  std::vector<WorkflowChange> workflows = {};
  std::vector<job::Artifact>
      artifacts;  ///< replaces an earlier record of the same workflow and path
  std::vector<job::Application> apps = {};     ///< likewise, of the same job and index
  std::vector<job::Edits> edits = {};          ///< likewise, of the same job
  std::optional<job::Status> status = {};      ///< of the run
  std::optional<job::Moment> started_at = {};  ///< of the run, as of a workflow
  std::vector<WorkflowStop> stops = {};        ///< of a workflow that is over: ignored
  std::optional<std::int64_t> first_failure;
  std::vector<NewNotification> notifications = {};  ///< with the status that ends the run
  job::Moment at = {};

  bool empty() const {
    return jobs.empty() && workflows.empty() && artifacts.empty() && apps.empty() &&
           edits.empty() && stops.empty() && !status && !first_failure;
  }
};

}  // namespace dstack::store

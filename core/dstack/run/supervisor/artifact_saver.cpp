#include "dstack/run/supervisor/artifact_saver.hpp"

#include "dstack/base/event.hpp"
#include "dstack/base/text.hpp"
#include "dstack/base/thread.hpp"
#include "dstack/files/home.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/job/secret_findings.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/protocol/exit_record.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/run/protocol/workspace.hpp"

#include <atomic>
#include <functional>
#include <utility>

#include <unistd.h>

namespace dstack::run {

struct ThreadedArtifactSaver::State {
  store::ObjectStore objects;
  Event event;
  std::mutex mutex;
  std::vector<SavedArtifacts> finished;

  struct Worker {
    std::function<void()> work;
    std::atomic<bool> finished = false;
    std::jthread thread;  ///< last: joined before the rest is destroyed
  };

  std::list<Worker> workers;

  std::unique_ptr<Workspace> workspace_of(const JobOrder& order) const {
    const Path folder = attempt_folder(objects.home(), order.run, order.index, order.attempt);
    return run::workspace_of(objects.home(), folder, order.project, order.spec);
  }

  /// If no thread can be started, the caller does the work, and its loop waits.
  void start(std::function<void()> work) {
    workers.remove_if([](const Worker& worker) { return worker.finished.load(); });
    Worker& worker = workers.emplace_back();
    worker.work = std::move(work);
    const auto run_to_end = [&worker] {
      worker.work();
      worker.finished = true;
    };
    if (auto thread = start_thread(run_to_end))
      worker.thread = *std::move(thread);
    else
      run_to_end();
  }
};

namespace {

job::SecretFindings exposure_of(const ExitRecord& record, const std::string& artifact) {
  for (const ArtifactWithSecrets& exposed : record.exposed)
    if (exposed.path == artifact)
      return exposed.exposure;
  return {};
}

void capture(store::ObjectStore& objects,
             const Path& workspace,
             const std::string& workflow,
             const job::JobSpec& spec,
             store::Originals originals,
             SavedArtifacts& result) {
  const ExitRecord& record = result.record;
  const bool ended_well = record.outcome == ExitRecord::Outcome::exited && record.number == 0 &&
                          record.stop == job::StopRequest::none && !record.cause;
  std::vector<std::string> errors;
  for (const std::string& artifact : spec.artifacts) {
    const std::string path = job::path_from_root(spec, artifact);
    const Path at = path.empty() ? workspace : workspace / path;
    boost::system::error_code problem;
    if (!fs::exists(fs::symlink_status(at, problem))) {
      if (ended_well)
        result.warnings.push_back(
            fmt::format("the artifact '{}' was declared, but the job did not make it", path));
      continue;
    }
    auto tree = objects.capture_at(at, path, result.warnings, originals);
    if (!tree) {
      errors.push_back(
          fmt::format("the artifact '{}' could not be stored: {}", path, render(tree.error())));
      continue;
    }
    result.artifacts.push_back({workflow, path, *tree, !ended_well, exposure_of(record, path)});
  }
  if (errors.empty())
    return;
  result.error =
      fmt::format("{}; what the job made is still in '{}'", join(errors, "; "), workspace.string());
  for (job::Artifact& artifact : result.artifacts)
    artifact.partial = true;
}

/// Without them no artifact is lost: the job ends as it would have, with a warning.
void keep_edits(store::ObjectStore& objects,
                const Path& workspace,
                const JobOrder& order,
                SavedArtifacts& result) {
  auto edits = source::find_edits(edited_folder(order, workspace), objects, result.warnings);
  if (!edits) {
    result.warnings.push_back(fmt::format(
        "what it changed beside its artifacts could not be kept: {}", render(edits.error())));
  } else if (*edits) {
    result.edits = **std::move(edits);
    result.edits->job = order.index;
  }
}

}  // namespace

ThreadedArtifactSaver::ThreadedArtifactSaver(std::unique_ptr<State> state)
    : state_(std::move(state)) {}

ThreadedArtifactSaver::ThreadedArtifactSaver(ThreadedArtifactSaver&&) noexcept = default;
ThreadedArtifactSaver::~ThreadedArtifactSaver() = default;

Result<ThreadedArtifactSaver> ThreadedArtifactSaver::make(const files::Home& home) {
  auto state = std::unique_ptr<State>(new State{store::ObjectStore(home), {}, {}, {}, {}});
  DSTACK_TRY(state->event, Event::make());
  return ThreadedArtifactSaver(std::move(state));
}

void ThreadedArtifactSaver::start(JobOrder order,
                                  std::string workflow,
                                  ExitRecord record,
                                  store::Originals originals) {
  State* state = state_.get();  // outlives its workers: they are its members
  state->start([state,
                order = std::move(order),
                workflow = std::move(workflow),
                originals,
                record = std::move(record)] {
    SavedArtifacts result{order.index, record, {}, {}, {}, {}};
    const auto workspace = state->workspace_of(order);
    capture(state->objects, workspace->folder(), workflow, order.spec, originals, result);
    if (record.edited && workspace->is_private() && result.error.empty())
      keep_edits(state->objects, workspace->folder(), order, result);
    const std::lock_guard guard(state->mutex);
    state->finished.push_back(std::move(result));
    state->event.set();
  });
}

void ThreadedArtifactSaver::discard(JobOrder order) {
  State* state = state_.get();
  state->start([state, order = std::move(order)] { (void)state->workspace_of(order)->remove(); });
}

int ThreadedArtifactSaver::fd() const {
  return state_->event.fd();
}

std::vector<SavedArtifacts> ThreadedArtifactSaver::take_finished() {
  state_->event.take();
  const std::lock_guard guard(state_->mutex);
  return std::exchange(state_->finished, {});
}

}  // namespace dstack::run

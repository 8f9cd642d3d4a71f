#include "dstack/run/supervisor/artifact_saver.hpp"

#include "dstack/base/event.hpp"
#include "dstack/base/path_pattern.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/base/thread.hpp"
#include "dstack/files/home.hpp"
#include "dstack/files/matches.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/job/secret_findings.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/protocol/exit_record.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/run/protocol/kept_changes.hpp"
#include "dstack/run/protocol/workspace.hpp"

#include <atomic>
#include <functional>
#include <utility>

#include <unistd.h>

namespace dstack::run {

namespace {

constexpr std::size_t most_named = 3;

}  // namespace

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

bool ended_well(const ExitRecord& record) {
  return record.outcome == ExitRecord::Outcome::exited && record.number == 0 &&
         record.stop == job::StopRequest::none && !record.cause;
}

/// Nothing when there is nothing at the artifact's path, or nothing that matches it.
Result<std::optional<job::TreeReference>> capture_one(store::ObjectStore& objects,
                                                      const Path& workspace,
                                                      const std::string& path,
                                                      store::Originals originals,
                                                      SavedArtifacts& result) {
  if (path.empty()) {
    DSTACK_TRY(const auto tree, objects.capture_folder(workspace, result.warnings));
    return tree;
  }
  DSTACK_TRY(const auto matches, files::find_matches(workspace, path));
  if (matches.empty())
    return std::nullopt;
  DSTACK_TRY(const auto tree,
             objects.capture_matches(workspace, matches, result.warnings, originals));
  return tree;
}

std::string describe_missing(const std::vector<std::string>& missing) {
  std::vector<std::string> patterns;
  std::vector<std::string> paths;
  for (const std::string& path : missing)
    (is_pattern(path) ? patterns : paths).push_back(path);
  std::vector<std::string> parts;
  if (!paths.empty())
    parts.push_back(fmt::format("it did not make {}", quoted_list(paths)));
  if (!patterns.empty())
    parts.push_back(fmt::format("nothing matches {}", quoted_list(patterns)));
  return fmt::format(
      "it ended well, but {}, which 'artifacts' lists; '{{path: …, optional: true}}' "
      "allows that",
      join(parts, " and "));
}

void capture(store::ObjectStore& objects,
             const Path& workspace,
             const std::string& workflow,
             const job::JobSpec& spec,
             store::Originals originals,
             SavedArtifacts& result) {
  std::vector<std::string> errors;
  std::vector<std::string> missing;
  for (const std::string& artifact : spec.artifacts) {
    const std::string path = job::path_from_root(spec, artifact);
    auto tree = capture_one(objects, workspace, path, originals, result);
    if (!tree)
      errors.push_back(
          fmt::format("the artifact '{}' could not be stored: {}", path, render(tree.error())));
    else if (*tree)
      result.artifacts.push_back(
          {workflow, path, **tree, !ended_well(result.record), exposure_of(result.record, path)});
    else if (ended_well(result.record) && !job::is_optional(spec, artifact))
      missing.push_back(path);
  }
  if (!errors.empty())
    result.error = fmt::format(
        "{}; what the job made is still in '{}'", join(errors, "; "), workspace.string());
  if (!missing.empty())
    result.missing = describe_missing(missing);
  if (!errors.empty() || !missing.empty())
    for (job::Artifact& artifact : result.artifacts)
      artifact.partial = true;
}

std::string describe_dropped(const std::vector<files::FoundFile>& dropped, std::uint64_t limit) {
  std::uint64_t bytes = 0;
  std::vector<std::string> named;
  for (const files::FoundFile& file : dropped) {
    bytes += file.state.size;
    if (named.size() < most_named)
      named.push_back(fmt::format("'{}' ({})", file.path, render_size(file.state.size)));
  }
  if (dropped.size() > named.size())
    named.push_back(fmt::format("{} more", dropped.size() - named.size()));
  return fmt::format(
      "{} ({}) that it left beside its artifacts {} not kept: {}; list what is needed in "
      "'artifacts', or raise 'keep_changes' in config.yaml, which is {}",
      plural(dropped.size(), "file"),
      render_size(bytes),
      dropped.size() == 1 ? "was" : "were",
      join(named, ", "),
      render_size(limit));
}

Result<void> try_to_keep_edits(const store::ObjectStore& objects,
                               const Path& workspace,
                               const JobOrder& order,
                               SavedArtifacts& result) {
  const source::EditedFolder place = edited_folder(order, workspace);
  DSTACK_TRY(auto found, source::find_edits(place, objects, order.keep_changes));
  if (!found.dropped.empty())
    result.warnings.push_back(describe_dropped(found.dropped, order.keep_changes));
  if (found.empty())
    return {};
  DSTACK_TRY(auto kept, make_store_of_changes(objects.home(), order.run));
  DSTACK_TRY(result.edits, source::keep_edits(place, std::move(found), kept, result.warnings));
  result.edits->job = order.index;
  result.edits->exposure = result.record.exposed_changes;
  return {};
}

/// Without them no artifact is lost: the job ends as it would have, with a warning.
void keep_edits(const store::ObjectStore& objects,
                const Path& workspace,
                const JobOrder& order,
                SavedArtifacts& result) {
  if (const auto kept = try_to_keep_edits(objects, workspace, order, result); !kept)
    result.warnings.push_back(fmt::format(
        "what it changed beside its artifacts could not be kept: {}", render(kept.error())));
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
    SavedArtifacts result;
    result.job = order.index;
    result.record = record;
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

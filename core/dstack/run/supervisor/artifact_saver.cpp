#include "dstack/run/supervisor/artifact_saver.hpp"

#include "dstack/base/event.hpp"
#include "dstack/base/path_pattern.hpp"
#include "dstack/base/quantity.hpp"
#include "dstack/base/stop_flag.hpp"
#include "dstack/base/text.hpp"
#include "dstack/base/thread.hpp"
#include "dstack/files/home.hpp"
#include "dstack/files/matches.hpp"
#include "dstack/files/reserve.hpp"
#include "dstack/job/artifact.hpp"
#include "dstack/job/job_spec.hpp"
#include "dstack/job/secret_findings.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/protocol/exit_record.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/run/protocol/job_progress.hpp"
#include "dstack/run/protocol/kept_changes.hpp"
#include "dstack/run/protocol/mailbox.hpp"
#include "dstack/run/protocol/workspace.hpp"
#include "dstack/store/objects/originals.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <utility>

#include <unistd.h>

namespace dstack::run {

namespace {

constexpr std::size_t most_named = 3;
constexpr std::chrono::milliseconds between_looks_at_disk{500};

std::unique_ptr<Workspace> find_workspace(const store::ObjectStore& objects,
                                          const JobOrder& order) {
  const Path folder = attempt_folder(objects.home(), order.run, order.index, order.attempt);
  return workspace_of(objects.home(), folder, order);
}

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

  struct Save {
    StopFlag given_up;
    std::atomic<bool> waits = true;  ///< for room on the disk
  };

  std::map<std::size_t, std::shared_ptr<Save>> saves;  ///< the last of each job

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

/// Whether all files of what was found lay in the workspace before the job began, as they are.
Result<bool> is_given(const store::ObjectStore& objects,
                      const JobOrder& order,
                      const job::TreeReference& found) {
  std::map<std::string, Digest> given;
  for (const job::TreeReference& tree : trees_of(order)) {
    DSTACK_TRY(const auto files, objects.list(tree));
    for (const store::TreeFile& file : files)
      given[file.path] = file.digest;
  }
  DSTACK_TRY(const auto files, objects.list(found));
  return std::all_of(files.begin(), files.end(), [&](const store::TreeFile& file) {
    const auto before = given.find(file.path);
    return (before != given.end() && before->second == file.digest) ||
           std::any_of(order.links.begin(), order.links.end(), [&](const auto& link) {
             return link.first == file.path;
           });
  });
}

/// `missing`: the places where each of them was looked for.
std::string describe_missing(const std::vector<std::vector<std::string>>& missing) {
  std::vector<std::string> patterns;
  std::vector<std::string> paths;
  for (const auto& places : missing) {
    std::string text = fmt::format("'{}'", printable(places.front()));
    for (std::size_t i = 1; i < places.size(); ++i)
      text += fmt::format("{}'{}'", i == 1 ? " (nor " : ", ", printable(places[i]));
    text += places.size() > 1 ? ")" : "";
    (is_pattern(places.front()) ? patterns : paths).push_back(std::move(text));
  }
  std::vector<std::string> parts;
  if (!paths.empty())
    parts.push_back(fmt::format("it did not make {}", join(paths, ", ")));
  if (!patterns.empty())
    parts.push_back(fmt::format("nothing matches {}", join(patterns, ", ")));
  return fmt::format(
      "it ended well, but {}, which 'artifacts' lists; '{{path: …, optional: true}}' "
      "allows that",
      join(parts, " and "));
}

/// Of a job that did not end well, which makes no other failure of it.
std::string describe_part(const std::vector<job::Artifact>& saved,
                          const std::vector<std::vector<std::string>>& missing) {
  std::vector<std::string> made;
  for (const job::Artifact& artifact : saved)
    made.push_back(printable(artifact.path));
  std::vector<std::string> absent;
  for (const auto& places : missing)
    absent.push_back(printable(places.front()));
  const char* were_absent = absent.size() == 1 ? "was" : "were";
  if (made.empty())
    return fmt::format(
        "nothing was saved: {} {} not there when it ended", quoted_list(absent), were_absent);
  return fmt::format("of its artifacts {} {} saved, and {} {} not there when it ended",
                     quoted_list(made),
                     made.size() == 1 ? "was" : "were",
                     quoted_list(absent),
                     were_absent);
}

/// What the job made. The place beside the working directory may hold what it was given.
Result<std::optional<job::TreeReference>> capture_made(store::ObjectStore& objects,
                                                       const Workspace& workspace,
                                                       const JobOrder& order,
                                                       const std::string& path,
                                                       bool is_elsewhere,
                                                       store::Originals originals,
                                                       SavedArtifacts& result) {
  DSTACK_TRY(auto tree, workspace.capture(path, objects, result.warnings, originals));
  if (!tree || !is_elsewhere)
    return tree;
  DSTACK_TRY(const bool given, is_given(objects, order, *tree));
  return given ? std::nullopt : std::move(tree);
}

void note_no_room(const Error& error, SavedArtifacts& result) {
  if (is_disk_full(error))
    result.no_room = error.message;
}

void capture(store::ObjectStore& objects,
             const Workspace& workspace,
             const std::vector<std::string>& paths,
             const std::string& workflow,
             const JobOrder& order,
             store::Originals originals,
             SavedArtifacts& result) {
  const job::JobSpec& spec = order.spec;
  std::vector<std::string> errors;
  std::vector<std::vector<std::string>> missing;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const std::string& artifact = spec.artifacts[i];
    const std::string& path = paths[i];
    const bool is_elsewhere = path != job::path_from_root(spec, artifact);
    const ReportedJobWork reported(objects.home().job(order.run, order.index),
                                   fmt::format("saving {}", path.empty() ? "." : path));
    auto tree = capture_made(objects, workspace, order, path, is_elsewhere, originals, result);
    if (!tree) {
      errors.push_back(
          fmt::format("the artifact '{}' could not be stored: {}", path, render(tree.error())));
      note_no_room(tree.error(), result);
    } else if (*tree)
      result.artifacts.push_back(
          {workflow, path, **tree, !ended_well(result.record), exposure_of(result.record, path)});
    else if (!job::is_optional(spec, artifact))
      missing.push_back(places_of(order, artifact));
  }
  if (!errors.empty())
    result.error = fmt::format(
        "{}; what the job made is still in '{}'{}",
        join(errors, "; "),
        workspace.written().string(),
        workspace.is_private()
            ? fmt::format(", and 'dstack artifacts rescue {}' saves it later", order.run)
            : "");
  if (!missing.empty() && ended_well(result.record))
    result.missing = describe_missing(missing);
  else if (!missing.empty() &&
           (!result.artifacts.empty() || result.record.cause == job::Cause::timeout))
    result.warnings.push_back(describe_part(result.artifacts, missing));
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
                               const source::EditedFolder& place,
                               const JobOrder& order,
                               SavedArtifacts& result) {
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
                const source::EditedFolder& place,
                const JobOrder& order,
                SavedArtifacts& result) {
  const auto kept = try_to_keep_edits(objects, place, order, result);
  if (kept)
    return;
  note_no_room(kept.error(), result);
  result.warnings.push_back(fmt::format(
      "what it changed beside its artifacts could not be kept: {}{}",
      render(kept.error()),
      result.no_room.empty()
          ? ""
          : fmt::format("; it is still in the workspace, and 'dstack artifacts rescue {}' saves it "
                        "later",
                        order.run)));
}

/// It stays for the user, who may change what is in it.
void keep_workspace(const files::Home& home, const Workspace& workspace, SavedArtifacts& result) {
  if (const auto own = store::take_back_originals(home, workspace.written()); !own)
    result.warnings.push_back(
        fmt::format("files in '{}' may also be those of stored artifacts, which would change with "
                    "them: copy them before you change any ({})",
                    workspace.written().string(),
                    render(own.error())));
}

void tell_no_room(const files::Home& home, const JobOrder& order, const std::string& why) {
  post(home.run(order.run),
       render(TroubleMessage{order.index,
                             order.attempt,
                             TroubleMessage::Kind::waits,
                             fmt::format("disk full: {}; goes on when there is room", why)}));
}

/// Of a job that was aborted while its artifacts were stored.
void drop_all(SavedArtifacts& result) {
  result.artifacts.clear();
  result.edits.reset();
  result.error.clear();
  result.missing.clear();
  result.given_up = true;
}

}  // namespace

SavedArtifacts save_artifacts(store::ObjectStore& objects,
                              const JobOrder& order,
                              const std::string& workflow,
                              const ExitRecord& record,
                              store::Originals originals) {
  SavedArtifacts result;
  result.job = order.index;
  result.record = record;
  const auto workspace = find_workspace(objects, order);
  const source::EditedFolder place = edited_folder(order, *workspace);
  capture(objects, *workspace, place.artifacts, workflow, order, originals, result);
  if (!result.error.empty() && originals == store::Originals::go)
    keep_workspace(objects.home(), *workspace, result);
  if (record.edited && workspace->is_private() && result.error.empty())
    keep_edits(objects, place, order, result);
  return result;
}

ThreadedArtifactSaver::ThreadedArtifactSaver(std::unique_ptr<State> state)
    : state_(std::move(state)) {}

ThreadedArtifactSaver::ThreadedArtifactSaver(ThreadedArtifactSaver&&) noexcept = default;
ThreadedArtifactSaver::~ThreadedArtifactSaver() = default;

Result<ThreadedArtifactSaver> ThreadedArtifactSaver::make(const files::Home& home) {
  auto state = std::unique_ptr<State>(new State{store::ObjectStore(home), {}, {}, {}, {}, {}});
  DSTACK_TRY(state->event, Event::make());
  return ThreadedArtifactSaver(std::move(state));
}

void ThreadedArtifactSaver::start(JobOrder order,
                                  std::string workflow,
                                  ExitRecord record,
                                  store::Originals originals) {
  State* state = state_.get();  // outlives its workers: they are its members
  auto save = std::make_shared<State::Save>();
  save->waits = ended_well(record);
  state->saves[order.index] = save;
  state->start([state,
                save = std::move(save),
                order = std::move(order),
                workflow = std::move(workflow),
                originals,
                record = std::move(record)] {
    const StoppableWork stoppable(&save->given_up);
    SavedArtifacts result = save_artifacts(state->objects, order, workflow, record, originals);
    const files::Home& home = state->objects.home();
    const auto waits = [&] {
      return !result.no_room.empty() && save->waits && !stop_is_asked() &&
             !files::has_room_again(home.root);
    };
    if (waits())
      tell_no_room(home, order, result.no_room);
    while (waits()) {
      while (waits())
        std::this_thread::sleep_for(between_looks_at_disk);
      result = save_artifacts(state->objects, order, workflow, record, originals);
    }
    if (stop_is_asked())
      drop_all(result);
    const std::lock_guard guard(state->mutex);
    state->finished.push_back(std::move(result));
    state->event.set();
  });
}

void ThreadedArtifactSaver::give_up(std::size_t job) {
  if (const auto save = state_->saves.find(job); save != state_->saves.end())
    save->second->given_up.set();
}

void ThreadedArtifactSaver::end_wait(std::size_t job) {
  if (const auto save = state_->saves.find(job); save != state_->saves.end())
    save->second->waits = false;
}

void ThreadedArtifactSaver::discard(JobOrder order) {
  State* state = state_.get();
  state->start(
      [state, order = std::move(order)] { (void)find_workspace(state->objects, order)->remove(); });
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

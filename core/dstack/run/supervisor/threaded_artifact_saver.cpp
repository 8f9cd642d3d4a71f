// A thread for each job whose artifacts are stored.
#include "dstack/base/event.hpp"
#include "dstack/base/stop_flag.hpp"
#include "dstack/base/thread.hpp"
#include "dstack/files/reserve.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/protocol/mailbox.hpp"
#include "dstack/run/protocol/workspace.hpp"
#include "dstack/run/supervisor/artifact_saver.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <utility>

namespace dstack::run {

namespace {

constexpr std::chrono::milliseconds between_looks_at_disk{500};

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
  state->start([state, order = std::move(order)] {
    const files::Home& home = state->objects.home();
    const Path folder = attempt_folder(home, order.run, order.index, order.attempt);
    (void)workspace_of(home, folder, order)->remove();
  });
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

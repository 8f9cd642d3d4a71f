#include "dstack/run/supervisor/recorder.hpp"

#include "dstack/base/event.hpp"
#include "dstack/base/file.hpp"
#include "dstack/base/patience.hpp"
#include "dstack/base/thread.hpp"
#include "dstack/files/reserve.hpp"
#include "dstack/job/application.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/supervisor/supervisor_log.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/sweep/address.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <mutex>
#include <optional>
#include <utility>

#include <fcntl.h>

namespace dstack::run {

using job::Status;

namespace {

constexpr std::chrono::milliseconds between_looks_at_disk{500};
// A short run has its file written once, at its end.
constexpr std::chrono::milliseconds until_file{100};

/// One transaction.
struct Batch {
  store::RunChanges changes;
  std::vector<std::size_t> workspaces;
};

template <typename T>
void append(std::vector<T>& to, std::vector<T>&& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

void join(Batch& batch, Batch&& next) {
  append(batch.changes.jobs, std::move(next.changes.jobs));
  append(batch.changes.workflows, std::move(next.changes.workflows));
  append(batch.changes.artifacts, std::move(next.changes.artifacts));
  append(batch.changes.apps, std::move(next.changes.apps));
  append(batch.changes.edits, std::move(next.changes.edits));
  append(batch.changes.stops, std::move(next.changes.stops));
  append(batch.workspaces, std::move(next.workspaces));
  if (next.changes.first_failure)
    batch.changes.first_failure = next.changes.first_failure;
  if (next.changes.status) {
    batch.changes.status = next.changes.status;
    batch.changes.started_at = next.changes.started_at;
    batch.changes.at = next.changes.at;
    batch.changes.notifications = std::move(next.changes.notifications);
  }
}

/// Used only by the writing thread.
class Writer {
 public:
  Writer(files::Home home,
         store::Records records,
         store::RunRecord run,
         store::Records::Force move_tag,
         Fd changes)
      : home_(std::move(home)),
        records_(std::move(records)),
        run_(std::move(run)),
        move_tag_(move_tag),
        changes_(std::move(changes)) {}

  /// May be called again with what is left of the same changes when it has failed.
  Result<void> record(store::RunChanges& changes) {
    // Of a database that was replaced meanwhile nobody would see it. What was recorded so far is in
    // the run's file then, and the next supervisor continues from there.
    if (auto current = records_.check_current(); !current) {
      keep();
      return current;
    }
    files::ReserveUse reserve(home_);
    return reserve.run([&] { return try_to_record(changes); });
  }

  /// Behind a transaction. `is_end`: it has recorded the end of the run.
  void recorded(std::string_view named, bool is_end) {
    notify(named);
    const auto now = std::chrono::steady_clock::now();
    keep_at_ = is_end ? now : std::min(keep_at_, now + between_keeping_);
    if (now >= keep_at_)
      keep();
  }

  /// When the run's file is to have what has been recorded.
  std::chrono::steady_clock::time_point keep_at() const { return keep_at_; }

  void keep() {
    const auto begin = std::chrono::steady_clock::now();
    records_.keep(run_.id);
    const auto taken = std::chrono::steady_clock::now() - begin;
    between_keeping_ = std::max<std::chrono::steady_clock::duration>(shortest_between, 50 * taken);
    keep_at_ = never;
  }

  void notify(std::string_view jobs) { (void)write_all(changes_.get(), std::string(jobs) + "\n"); }

 private:
  /// A tag that was requested on success is set before the run is recorded as done.
  Result<void> try_to_record(store::RunChanges& changes) {
    if (changes.status != Status::done)
      return records_.apply(run_.id, changes);
    DSTACK_TRY(const std::string tag, records_.tag_on_success(run_.id));
    if (tag.empty())
      return records_.apply(run_.id, changes);
    store::RunChanges last;
    last.status = std::exchange(changes.status, std::nullopt);
    last.started_at = changes.started_at;
    last.at = changes.at;
    last.notifications = std::exchange(changes.notifications, {});
    const auto recorded = records_.apply(run_.id, changes);
    if (!recorded) {
      changes.status = last.status;
      changes.notifications = std::move(last.notifications);
      return recorded;
    }
    changes = std::move(last);
    DSTACK_CHECK(set_tag(tag));
    return records_.apply(run_.id, changes);
  }

  Result<void> set_tag(const std::string& tag) {
    if (is_tagged_)
      return {};
    std::vector<std::string> workflows;
    // The combinations of a workflow are adjacent.
    for (const store::WorkflowRecord& workflow : run_.workflows)
      if (const std::string name(sweep::workflow_of(workflow.name));
          workflows.empty() || workflows.back() != name)
        workflows.push_back(name);
    auto tagged = records_.add_tags(run_.project, tag, workflows, run_.id, move_tag_);
    if (!tagged && (is_disk_full(tagged.error()) || is_transient(tagged.error())))
      return tagged;
    if (!tagged)
      log_problem(home_.run(run_.name),
                  fmt::format("tag '{}' was not set: {}", tag, render(tagged.error())));
    is_tagged_ = true;
    return {};
  }

  static constexpr auto never = std::chrono::steady_clock::time_point::max();
  static constexpr std::chrono::seconds shortest_between{1};

  files::Home home_;
  store::Records records_;
  store::RunRecord run_;
  store::Records::Force move_tag_;
  Fd changes_;
  std::chrono::steady_clock::time_point keep_at_ = std::chrono::steady_clock::now() + until_file;
  std::chrono::steady_clock::duration between_keeping_ = shortest_between;
  bool is_tagged_ = false;  ///< or cannot be
};

/// Of a change of the run alone any job may be named.
std::string named_in(const store::RunChanges& changes) {
  std::string named;
  for (const store::JobChange& change : changes.jobs)
    named += fmt::format("{} ", change.job);
  for (const job::Application& app : changes.apps)
    named += fmt::format("{} ", app.job);
  return named.empty() ? "0" : named;
}

}  // namespace

struct DatabaseRecorder::State {
  State(Writer its_writer, std::chrono::milliseconds its_rest)
      : writer(std::move(its_writer)), rest(its_rest) {}

  Writer writer;
  const std::chrono::milliseconds rest;
  Event event;

  std::mutex mutex;  ///< guards what follows, except the thread
  std::condition_variable changed;
  std::deque<Batch> waiting;
  bool writing = false;
  bool resting = false;  ///< is not to be woken for one more change
  bool awaited = false;
  bool closed = false;
  std::vector<std::size_t> recorded;
  std::optional<Error> error;

  std::jthread thread;  ///< last: joined before the rest is destroyed

  /// Whether something, or somebody, is not to wait for the changes that may follow.
  bool is_urgent() const {
    return closed || awaited || (!waiting.empty() && waiting.back().changes.status);
  }

  /// False: the run's file was brought up to date meanwhile, and nothing came.
  bool await_work(std::unique_lock<std::mutex>& lock) {
    const auto has_come = [&] { return closed || !waiting.empty(); };
    if (writer.keep_at() == std::chrono::steady_clock::time_point::max()) {
      changed.wait(lock, has_come);
      return true;
    }
    if (changed.wait_until(lock, writer.keep_at(), has_come))
      return true;
    lock.unlock();
    writer.keep();
    lock.lock();
    return false;
  }

  void work() {
    std::unique_lock lock(mutex);
    std::chrono::steady_clock::time_point next{};
    for (;;) {
      resting = true;
      changed.wait_until(lock, next, [&] { return is_urgent(); });
      resting = false;
      if (!await_work(lock))
        continue;
      if (waiting.empty())
        return;
      Batch batch = std::move(waiting.front());
      waiting.pop_front();
      writing = true;
      lock.unlock();
      auto written = write(std::move(batch.changes));
      next = std::chrono::steady_clock::now() + rest;
      lock.lock();
      writing = false;
      if (written) {
        append(recorded, std::move(batch.workspaces));
      } else {
        error = std::move(written).error();
        waiting.clear();
      }
      if (error || !recorded.empty())
        event.set();
      changed.notify_all();
    }
  }

  /// A full disk is waited for, however long it takes: until then nothing is lost, and the jobs go
  /// on.
  Result<void> write(store::RunChanges changes) {
    const std::string named = named_in(changes);
    const bool is_end = changes.status && job::is_final(*changes.status);
    Patience patience;
    for (;;) {
      auto written = writer.record(changes);
      if (written) {
        patience.succeeded();
        break;
      }
      if (is_disk_full(written.error()))
        std::this_thread::sleep_for(between_looks_at_disk);
      else if (!patience.wait(written.error()))
        return written;
    }
    writer.recorded(named, is_end);
    return {};
  }

  Result<std::vector<std::size_t>> take_locked() {
    if (error)
      return fail(*error);
    return std::exchange(recorded, {});
  }
};

DatabaseRecorder::DatabaseRecorder(std::unique_ptr<State> state) : state_(std::move(state)) {}

DatabaseRecorder::DatabaseRecorder(DatabaseRecorder&&) noexcept = default;

DatabaseRecorder::~DatabaseRecorder() {
  if (!state_)
    return;
  const std::lock_guard guard(state_->mutex);
  state_->closed = true;
  state_->changed.notify_all();
}

Result<DatabaseRecorder> DatabaseRecorder::start(const files::Home& home,
                                                 store::Records&& records,
                                                 const store::RunRecord& run,
                                                 store::Records::Force move_tag,
                                                 std::chrono::milliseconds rest) {
  DSTACK_TRY(auto changes,
             open_file((home.run(run.name) / file_names::changes).string(),
                       O_WRONLY | O_CREAT | O_APPEND,
                       0600));
  Writer writer(home, std::move(records), run, move_tag, std::move(changes));
  writer.notify(all_jobs);
  auto state = std::make_unique<State>(std::move(writer), rest);
  DSTACK_TRY(state->event, Event::make());
  DSTACK_TRY(state->thread, start_thread([working = state.get()] { working->work(); }));
  return DatabaseRecorder(std::move(state));
}

void DatabaseRecorder::add(store::RunChanges changes, std::vector<std::size_t> workspaces) {
  Batch batch{std::move(changes), std::move(workspaces)};
  const std::lock_guard guard(state_->mutex);
  if (state_->error)
    return;
  auto& waiting = state_->waiting;
  // A run goes through each of its statuses in a transaction of its own: each has its time.
  if (waiting.empty() || (waiting.back().changes.status && batch.changes.status))
    waiting.push_back(std::move(batch));
  else
    join(waiting.back(), std::move(batch));
  if (!state_->resting || state_->is_urgent())
    state_->changed.notify_all();
}

int DatabaseRecorder::fd() const {
  return state_->event.fd();
}

Result<std::vector<std::size_t>> DatabaseRecorder::take() {
  state_->event.take();
  const std::lock_guard guard(state_->mutex);
  return state_->take_locked();
}

Result<std::vector<std::size_t>> DatabaseRecorder::finish() {
  std::unique_lock lock(state_->mutex);
  state_->awaited = true;
  state_->changed.notify_all();
  state_->changed.wait(lock, [&] { return state_->waiting.empty() && !state_->writing; });
  state_->awaited = false;
  return state_->take_locked();
}

}  // namespace dstack::run

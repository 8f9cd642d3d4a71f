#include "dstack/run/client/follow.hpp"

#include "dstack/base/text.hpp"
#include "dstack/job/status.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/run/client/folder_watch.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/protocol/job_log.hpp"
#include "dstack/run/protocol/supervision.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

namespace dstack::run {

using job::Status;

namespace {

// Bytes of output that are read at a time: of most jobs there are few.
constexpr std::size_t few_at_once = 16 * 1024;
constexpr std::size_t most_at_once = 256 * 1024;
constexpr int tick_milliseconds = 100;
constexpr int poll_milliseconds = 50;  ///< where the kernel gives no more watches
constexpr int most_failures = 3;       ///< of supervisors, until the run is given up

class Follower {
 public:
  Follower(const files::Home& home,
           store::Records& records,
           std::string name,
           store::RunState& state,
           FollowListener& listener,
           const FollowOptions& options,
           std::optional<process::Child> supervisor)
      : home_(home),
        records_(records),
        name_(std::move(name)),
        state_(state),
        listener_(listener),
        options_(options),
        started_(std::move(supervisor)),
        offsets_(options.offsets) {}

  Result<FollowEnd> run() {
    DSTACK_CHECK(open_changes());
    watch_.add(home_.run(name_));
    for (;;) {
      // Before looking: what a supervisor that has ended recorded last is seen then.
      const bool is_supervised = supervisor_ && !is_readable(supervisor_.get());
      must_look_at_all_ = must_look_at_all_ || !is_supervised;
      DSTACK_CHECK(look());
      DSTACK_CHECK(deliver());
      if (job::is_final(state_.run.status)) {
        // The end may be recorded before we have read which jobs changed; and the tags may be new.
        DSTACK_CHECK(look_at_all());
        DSTACK_CHECK(deliver());
        return FollowEnd::finished;
      }
      if (!is_supervised)
        DSTACK_CHECK(find_or_start_supervisor());
      if (auto left = wait(); !left || *left)
        return left ? Result<FollowEnd>(FollowEnd::left) : Failure(std::move(left).error());
    }
  }

 private:
  /// The log of a job that has begun, and has not ended as far as we know.
  struct Tail {
    JobLog log;
    std::uint64_t offset = 0;
  };

  // --- States ---

  /// Made by whoever comes first, so that there is something to read. In a folder where nothing can
  /// be made everything is read each time.
  Result<void> open_changes() {
    const std::string path = (home_.run(name_) / file_names::changes).string();
    auto opened = open_file(path, O_RDONLY | O_CREAT, 0600);
    if (!opened && !is_transient(opened.error()))
      opened = open_file(path, O_RDONLY);
    if (!opened && is_transient(opened.error()))
      return fail(not_followed(std::move(opened).error()));
    changes_ = opened ? *std::move(opened) : Fd();
    return {};
  }

  Error not_followed(Error why) const {
    why.message = fmt::format("run '{}' goes on, but is not followed: {}", name_, why.message);
    why.hint +=
        fmt::format("{}'dstack logs -f {}' follows it again", why.hint.empty() ? "" : "; ", name_);
    return why;
  }

  /// States first and logs afterwards: a job that is over by now has written all it ever will.
  Result<void> look() {
    const auto named = named_by_supervisor();
    if (named && !must_look_at_all_)
      return named->empty() ? Result<void>() : look_at(*named);
    return look_at_all();
  }

  /// The jobs that the supervisor has named since the last call; nothing when it named all.
  std::optional<std::vector<std::size_t>> named_by_supervisor() {
    if (!changes_)
      return std::nullopt;
    std::array<char, 4096> buffer;
    ssize_t count = 0;
    while ((count = ::read(changes_.get(), buffer.data(), buffer.size())) > 0)
      unread_changes_.append(buffer.data(), static_cast<std::size_t>(count));
    std::vector<std::size_t> jobs;
    bool all = false;
    const std::size_t end = unread_changes_.rfind('\n') + 1;
    if (end == 0)
      return jobs;
    for (const std::string_view line :
         split(std::string_view(unread_changes_).substr(0, end), '\n'))
      for (const std::string_view word : split(line, ' '))
        if (const auto job = parse_number<std::size_t>(word))
          jobs.push_back(*job);
        else
          all = all || word == all_jobs;
    unread_changes_.erase(0, end);
    return all ? std::nullopt : std::optional(std::move(jobs));
  }

  Result<void> look_at(const std::vector<std::size_t>& jobs) {
    DSTACK_CHECK(records_.refresh(state_, jobs));
    std::copy_if(jobs.begin(), jobs.end(), std::back_inserter(changed_), [&](std::size_t job) {
      return job < state_.jobs.size();
    });
    has_changes_ = true;
    return {};
  }

  Result<void> look_at_all() {
    DSTACK_TRY(auto run, records_.find_run(name_));
    if (!run)
      return fail(ErrorCode::not_found, "run '{}' was removed", name_);
    DSTACK_TRY(auto jobs, records_.jobs(run->id));
    for (const store::JobRecord& job : jobs)
      if (job.index >= state_.jobs.size() || job.status != state_.jobs[job.index].status ||
          job.reason != state_.jobs[job.index].reason || job.apps != state_.jobs[job.index].apps)
        changed_.push_back(job.index);
    has_changes_ = has_changes_ || !changed_.empty() || run->status != state_.run.status;
    state_.run = *std::move(run);
    state_.jobs = std::move(jobs);
    must_look_at_all_ = false;
    return {};
  }

  // --- Output ---

  /// In the order in which things happened.
  Result<void> deliver() {
    if (!std::exchange(has_begun_, true)) {
      offsets_.resize(state_.jobs.size());
      listener_.began(state_);
    }
    std::vector<std::size_t> changed = std::exchange(changed_, {});
    const auto rest = std::stable_partition(changed.begin(), changed.end(), [&](std::size_t job) {
      return state_.jobs[job].status <= Status::running;
    });
    if (rest != changed.begin())
      listener_.changed(state_, {changed.begin(), rest});
    DSTACK_CHECK(deliver_output(changed));
    if (std::exchange(has_changes_, false) && (rest != changed.end() || rest == changed.begin()))
      listener_.changed(state_, {rest, changed.end()});
    return {};
  }

  Result<void> deliver_output(const std::vector<std::size_t>& changed) {
    if (!options_.output)
      return {};
    for (const std::size_t job : changed)
      if (has_begun(state_.jobs[job]) && wanted(state_.jobs[job]))
        begin_tail(job);
    for (auto tail = tails_.begin(); tail != tails_.end();) {
      auto more = deliver_output(tail);
      if (!more)
        return fail(not_followed(std::move(more).error()));
      tail = *more ? std::next(tail) : tails_.erase(tail);
    }
    return {};
  }

  static bool has_begun(const store::JobRecord& job) {
    return job.status != Status::submitted && job.status != Status::queued &&
           job.status != Status::skipped;
  }

  bool wanted(const store::JobRecord& job) const { return options_.part.holds(job.workflow); }

  void begin_tail(std::size_t job) {
    const auto [tail, is_new] = tails_.try_emplace(job, Tail{JobLog(home_.job(name_, job))});
    if (is_new)
      tail->second.offset = offsets_[job];
    if (!job::is_final(state_.jobs[job].status))
      watch_.add(home_.job(name_, job));
  }

  /// False when nothing more will come.
  Result<bool> deliver_output(std::map<std::size_t, Tail>::iterator at) {
    Tail& tail = at->second;
    for (;;) {
      const std::uint64_t begin = tail.offset;
      DSTACK_TRY(const std::string_view bytes, tail.log.next(buffer_, tail.offset));
      if (bytes.empty())
        break;
      listener_.output(at->first, bytes);
      if (tail.offset - begin != bytes.size())
        listener_.left_out(at->first, tail.offset);
      if (bytes.size() == buffer_.size() && buffer_.size() < most_at_once)
        buffer_.resize(most_at_once);
    }
    if (!job::is_final(state_.jobs[at->first].status))
      return true;
    watch_.remove(home_.job(name_, at->first));
    offsets_[at->first] = tail.offset;
    return false;
  }

  // --- The supervisor ---

  /// A run of another machine is only looked at.
  Result<void> find_or_start_supervisor() {
    if (state_.run.machine != process::machine_id())
      return {};
    DSTACK_CHECK(judge_started());
    // One that was started has the lock, and writes its identity a moment later.
    supervisor_ = started_ ? find_supervisor() : Fd();
    if (started_)
      return {};
    DSTACK_TRY(auto lock, take_run_lock(home_, name_).map_error([this](Error error) {
      return not_followed(std::move(error));
    }));
    if (!lock) {
      supervisor_ = find_supervisor();
      return {};
    }
    // The last one may have ended meanwhile, with the run; as long as we hold the lock nothing
    // changes.
    DSTACK_CHECK(look_at_all());
    if (job::is_final(state_.run.status))
      return {};
    DSTACK_TRY(auto started,
               start_supervisor(home_, name_, *std::move(lock)).map_error([&](Error error) {
                 return without_supervisor(name_, std::move(error));
               }));
    started_.emplace(std::move(started));
    return {};
  }

  /// One that fails by itself has a problem that the next one will have, too.
  Result<void> judge_started() {
    if (!started_ || !is_readable(started_->pidfd()))
      return {};
    const process::ExitStatus status = started_->wait();
    started_.reset();
    failures_ = process::succeeded(status) ? 0 : failures_ + (was_killed(status) ? 0 : 1);
    if (failures_ < most_failures)
      return {};
    const Path log = home_.run(name_) / file_names::supervisor_log;
    const std::string text = read_file(log).value_or("");
    const auto lines = split(trim(text), '\n');
    return fail(ErrorCode::internal,
                "run '{}' cannot go on: {}",
                name_,
                text.empty() ? fmt::format("its supervisor ends with {}", process::render(status))
                             : std::string(lines.back()))
        .with_hint("the log of its supervisor is '{}'; what the jobs have written is kept",
                   log.string());
  }

  static bool was_killed(const process::ExitStatus& status) {
    const auto* signaled = std::get_if<process::Signaled>(&status);
    return signaled != nullptr && (signaled->signal == SIGKILL || signaled->signal == SIGTERM);
  }

  /// Of a pidfd: its process has ended.
  static bool is_readable(int pidfd) {
    pollfd polled{pidfd, POLLIN, 0};
    return ::poll(&polled, 1, 0) > 0;
  }

  Fd find_supervisor() const {
    return process::open_holder(home_.run(name_) / file_names::run_lock,
                                home_.run(name_) / file_names::run_lock);
  }

  // --- Waiting ---

  int patience() const {
    if (has_changes_)
      return 0;  // they are not delivered yet
    const bool all_watched = watch_.watches(home_.run(name_)) && supervisor_ &&
                             std::all_of(tails_.begin(), tails_.end(), [&](const auto& tail) {
                               return watch_.watches(home_.job(name_, tail.first));
                             });
    if (!all_watched)
      return poll_milliseconds;
    return options_.tick ? tick_milliseconds : listener_.next_tick();
  }

  /// True when the listener wants to leave.
  Result<bool> wait() {
    std::array<pollfd, 3> polled = {pollfd{watch_.fd(), POLLIN, 0},
                                    pollfd{options_.wake_fd, POLLIN, 0},
                                    pollfd{supervisor_.get(), POLLIN, 0}};
    if (::poll(polled.data(), polled.size(), patience()) < 0 && errno != EINTR)
      return fail_errno("cannot wait for run '{}'", name_);
    if (polled[0].revents != 0)
      watch_.take();
    if (polled[1].revents != 0 && listener_.woken() == FollowListener::Then::leave)
      return true;
    if (options_.tick || listener_.next_tick() == 0)
      listener_.tick();
    return false;
  }

  const files::Home& home_;
  store::Records& records_;
  std::string name_;
  store::RunState& state_;
  FollowListener& listener_;
  const FollowOptions& options_;

  FolderWatch watch_;  ///< the run's folder, and those of jobs whose logs are read
  Fd changes_;
  Fd supervisor_;
  std::optional<process::Child> started_;  ///< the last supervisor that we have started
  int failures_ = 0;                       ///< of those, in a row
  std::string buffer_ = std::string(few_at_once, '\0');  ///< for output
  std::string unread_changes_;                           ///< a line that was not whole yet
  bool must_look_at_all_ = true;
  bool has_changes_ = true;
  bool has_begun_ = false;            ///< for the listener
  std::vector<std::size_t> changed_;  ///< jobs, since the listener was last notified
  std::map<std::size_t, Tail> tails_;
  /// By job: where in its log to go on. An ended job may be named once more: its supervisor also
  /// reports changes that we have already seen.
  std::vector<std::uint64_t> offsets_;
};

}  // namespace

Result<FollowEnd> follow(const files::Home& home,
                         store::Records& records,
                         const std::string& run,
                         store::RunState& state,
                         FollowListener& listener,
                         const FollowOptions& options,
                         std::optional<process::Child> supervisor) {
  return Follower(home, records, run, state, listener, options, std::move(supervisor)).run();
}

}  // namespace dstack::run

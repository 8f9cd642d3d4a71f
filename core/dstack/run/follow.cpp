#include "dstack/run/follow.hpp"

#include "dstack/process/identity.hpp"
#include "dstack/run/log.hpp"
#include "dstack/run/order.hpp"
#include "dstack/run/supervisor.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <memory>

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace dstack::run {

using store::Status;

namespace {

constexpr std::size_t chunk = 256 * 1024;
constexpr int tick_milliseconds = 100;
constexpr int poll_milliseconds = 50;  ///< where the kernel gives no more watches

class Follower {
 public:
  Follower(const store::Home& home,
           store::Records& records,
           std::string name,
           FollowListener& listener,
           const FollowOptions& options)
      : home_(home),
        records_(records),
        name_(std::move(name)),
        listener_(listener),
        options_(options) {}

  Result<FollowEnd> run() {
    notify_ = Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    // The file is made by whoever comes first, so that there is something to watch.
    const std::string changes = (home_.run(name_) / files::changes).string();
    (void)open_file(changes, O_WRONLY | O_CREAT | O_APPEND, 0600);
    watches_work_ = notify_ && ::inotify_add_watch(notify_.get(), changes.c_str(), IN_MODIFY) >= 0;
    for (;;) {
      DSTACK_CHECK(look());
      deliver();
      if (store::is_final(run_.status))
        return FollowEnd::finished;
      DSTACK_CHECK(keep_supervised());
      if (auto left = wait(); !left || *left)
        return left ? Result<FollowEnd>(FollowEnd::left) : Failure(std::move(left).error());
    }
  }

 private:
  struct Tail {
    std::unique_ptr<JobLog> log;
    std::uint64_t offset = 0;
    bool watched = false;
    bool open = true;
  };

  /// Reads the states first and the logs afterwards: a job that is over by now has written all it
  /// ever will.
  Result<void> look() {
    DSTACK_TRY(auto run, records_.find_run(name_));
    if (!run)
      return fail(ErrorCode::not_found, "run '" + name_ + "' was removed");
    DSTACK_TRY(auto jobs, records_.jobs(run->id));
    const bool news = !seen_ || differs(*run, jobs);
    run_ = *std::move(run);
    jobs_ = std::move(jobs);
    if (news)
      pending_news_ = true;
    seen_ = true;
    return {};
  }

  bool differs(const store::RunRecord& run, const std::vector<store::JobRecord>& jobs) const {
    return run.status != run_.status ||
           !std::equal(jobs.begin(),
                       jobs.end(),
                       jobs_.begin(),
                       jobs_.end(),
                       [](const auto& a, const auto& b) {
                         return a.status == b.status && a.reason == b.reason;
                       });
  }

  /// Output before the news that a job has ended: that is the order in which things happened.
  void deliver() {
    if (options_.output)
      for (const store::JobRecord& job : jobs_)
        deliver_output(job);
    if (std::exchange(pending_news_, false))
      listener_.changed(run_, jobs_);
  }

  void deliver_output(const store::JobRecord& job) {
    if (!wanted(job) || job.status == Status::submitted || job.status == Status::queued ||
        job.status == Status::skipped)
      return;
    Tail& tail = tails_[job.index];
    if (!tail.open)
      return;
    if (!tail.log) {
      tail.log = std::make_unique<JobLog>(home_.job(name_, job.index));
      if (job.index < options_.offsets.size())
        tail.offset = options_.offsets[job.index];
    }
    if (!tail.watched && !store::is_final(job.status))
      tail.watched = watch(job.index);
    for (;;) {
      const auto bytes = tail.log->read(tail.offset, chunk);
      if (!bytes || bytes->empty())
        break;
      tail.offset += bytes->size();
      listener_.output(job.index, *bytes);
    }
    if (store::is_final(job.status)) {
      tail.open = false;
      tail.log.reset();
    }
  }

  bool watch(std::size_t job) {
    const std::string log = (home_.job(name_, job) / files::log).string();
    return notify_ && ::inotify_add_watch(notify_.get(), log.c_str(), IN_MODIFY | IN_ATTRIB) >= 0;
  }

  bool wanted(const store::JobRecord& job) const {
    return options_.workflow.empty() || run_.workflows[job.workflow].name == options_.workflow;
  }

  /// The supervisor's end is an event like any other; a run of another machine is only looked at.
  Result<void> keep_supervised() {
    if (run_.machine != process::machine_id())
      return {};
    if (supervisor_ && !ended(supervisor_))
      return {};
    supervisor_ = find_supervisor();
    return supervisor_ ? Result<void>() : ensure_supervised(home_, name_);
  }

  static bool ended(const Fd& pidfd) {
    pollfd polled{pidfd.get(), POLLIN, 0};
    return ::poll(&polled, 1, 0) > 0;
  }

  Fd find_supervisor() const {
    const auto text = read_file(home_.run(name_) / files::run_lock);
    const auto identity = text ? process::parse_identity(*text) : std::nullopt;
    return identity ? process::open_process(*identity) : Fd();
  }

  int patience() const {
    const bool all_watched =
        watches_work_ && supervisor_ &&
        std::all_of(jobs_.begin(), jobs_.end(), [&](const store::JobRecord& job) {
          const auto tail = tails_.find(job.index);
          return tail == tails_.end() || !tail->second.open || tail->second.watched;
        });
    if (!all_watched)
      return poll_milliseconds;
    return options_.tick ? tick_milliseconds : -1;
  }

  /// True when the listener wants to leave.
  Result<bool> wait() {
    std::array<pollfd, 3> polled = {pollfd{notify_.get(), POLLIN, 0},
                                    pollfd{options_.wake_fd, POLLIN, 0},
                                    pollfd{supervisor_.get(), POLLIN, 0}};
    if (::poll(polled.data(), polled.size(), patience()) < 0 && errno != EINTR)
      return fail_errno("cannot wait for run '" + name_ + "'");
    if (polled[0].revents != 0)
      drain_notifications();
    if (polled[1].revents != 0 && listener_.woken() == FollowListener::Then::leave)
      return true;
    if (options_.tick)
      listener_.tick();
    return false;
  }

  void drain_notifications() {
    alignas(inotify_event) std::array<char, 8192> events;
    while (::read(notify_.get(), events.data(), events.size()) > 0) {
    }
  }

  const store::Home& home_;
  store::Records& records_;
  std::string name_;
  FollowListener& listener_;
  const FollowOptions& options_;

  Fd notify_;
  Fd supervisor_;
  bool watches_work_ = false;
  bool seen_ = false;
  bool pending_news_ = false;
  store::RunRecord run_;
  std::vector<store::JobRecord> jobs_;
  std::map<std::size_t, Tail> tails_;
};

}  // namespace

Result<FollowEnd> follow(const store::Home& home,
                         store::Records& records,
                         const std::string& run,
                         FollowListener& listener,
                         const FollowOptions& options) {
  return Follower(home, records, run, listener, options).run();
}

int exit_code(const store::RunRecord& run, const std::vector<store::JobRecord>& jobs) {
  constexpr int runner_failed = 125;
  switch (run.status) {
    case Status::done:
      return 0;
    case Status::stopped:
    case Status::stopping:
    case Status::aborted:
    case Status::aborting:
      return 143;
    default:
      break;
  }
  if (run.first_failure < 0 || static_cast<std::size_t>(run.first_failure) >= jobs.size())
    return runner_failed;
  const store::JobRecord& job = jobs[static_cast<std::size_t>(run.first_failure)];
  if (!job.cause)
    return runner_failed;
  switch (*job.cause) {
    case store::Cause::exit:
      return job.exit_code.value_or(1);
    case store::Cause::signal:
      return 128 + job.signal.value_or(0);
    case store::Cause::oom:
      return 137;
    case store::Cause::timeout:
      return 124;
    case store::Cause::start:
    case store::Cause::lost:
      break;
  }
  return runner_failed;
}

}  // namespace dstack::run

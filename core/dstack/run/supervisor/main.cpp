#include "dstack/run/supervisor/main.hpp"

#include "dstack/backend/local_process.hpp"
#include "dstack/base/fatal_exit.hpp"
#include "dstack/base/path.hpp"
#include "dstack/base/patience.hpp"
#include "dstack/files/reserve.hpp"
#include "dstack/job/status.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/process/oom_score.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/protocol/job_log.hpp"
#include "dstack/run/protocol/mailbox.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "dstack/run/protocol/supervision.hpp"
#include "dstack/run/removal/rule.hpp"
#include "dstack/run/report/notifications.hpp"
#include "dstack/run/schedule/gangs.hpp"
#include "dstack/run/supervisor/artifact_saver.hpp"
#include "dstack/run/supervisor/attempt_folders.hpp"
#include "dstack/run/supervisor/local_runners.hpp"
#include "dstack/run/supervisor/missing_file.hpp"
#include "dstack/run/supervisor/missing_variable.hpp"
#include "dstack/run/supervisor/orphan_cleanup.hpp"
#include "dstack/run/supervisor/poll_events.hpp"
#include "dstack/run/supervisor/recorder.hpp"
#include "dstack/run/supervisor/reservations.hpp"
#include "dstack/run/supervisor/run_clock.hpp"
#include "dstack/run/supervisor/run_history.hpp"
#include "dstack/run/supervisor/supervisor.hpp"
#include "dstack/run/supervisor/supervisor_log.hpp"
#include "dstack/store/objects/objects.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"

#include <chrono>
#include <optional>
#include <thread>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dstack::run {

namespace {

constexpr std::chrono::milliseconds between_looks_at_disk{500};

/// Of the environment of the command that started the run, which this process has inherited; that
/// of another command where it took over.
std::vector<std::string> names_of_variables() {
  std::vector<std::string> names;
  for (char** entry = environ; *entry != nullptr; ++entry)
    names.emplace_back(std::string_view(*entry).substr(0, std::string_view(*entry).find('=')));
  return names;
}

/// Searches the end of the job's log for a file or a variable that was missing.
std::string explain_failure(const files::Home& home, const RunOrder& order, std::size_t job) {
  const auto end = JobLog(home.job(order.plan.run_name, job)).read_end(end_of_log);
  if (!end)
    return {};
  const store::ObjectStore objects(home);
  const CodePaths code(order.code.snapshot, objects);
  std::string sentence = explain_missing_file(*end,
                                              root_above(order.plan.project, order.plan.place),
                                              order.plan.jobs[job].spec.working_dir,
                                              code,
                                              order.plan.place);
  return sentence.empty() ? explain_missing_variable(*end, order, job, names_of_variables(), code)
                          : sentence;
}

/// The result of `work`, which may be called again: as long as the disk is full, however long that
/// takes, and a few times when it fails for another reason that passes.
template <typename Work>
auto when_possible(const files::Home& home, Work work) -> decltype(work()) {
  for (;;) {
    auto result = files::ReserveUse(home).run([&] { return with_patience(work); });
    if (result || !is_disk_full(result.error()))
      return result;
    std::this_thread::sleep_for(between_looks_at_disk);
  }
}

/// `for_recorder`: a connection of its own, if there is one yet.
Result<void> supervise_to_end(const files::Home& home,
                              const std::string& name,
                              store::Records& records,
                              std::optional<store::Records> for_recorder,
                              store::RunRecord run) {
  DSTACK_TRY(const Clock clock, when_possible(home, [&] { return start_clock(records, run); }));
  DSTACK_TRY(auto mailbox, when_possible(home, [&] { return Mailbox::open(home.run(name)); }));
  DSTACK_TRY(const RunOrder order,
             when_possible(home, [&] { return read_run_order(records, run); }));
  DSTACK_TRY(auto saver, ThreadedArtifactSaver::make(home));
  using Force = store::Records::Force;
  if (!for_recorder) {
    DSTACK_TRY(auto fresh, when_possible(home, [&] { return store::Records::open(home); }));
    for_recorder.emplace(std::move(fresh));
  }
  DSTACK_TRY(auto recorder, when_possible(home, [&] {
               return DatabaseRecorder::start(
                   home, *std::move(for_recorder), run, order.move_tag ? Force::yes : Force::no);
             }));
  const Gangs gangs(order.plan);
  AttemptFolders folders(home, order);
  LocalRunners runners(name, folders);
  Reservations reservations(home, order, gangs);
  DatabaseHistory history(records, run.id, name);
  PollEvents events({mailbox, saver, recorder, reservations, runners, home});
  const auto explain = [&](std::size_t job) { return explain_failure(home, order, job); };
  SupervisorParts parts{
      runners, folders, reservations, saver, history, recorder, events, clock, explain};
  return Supervisor(home, order, std::move(run), std::move(parts)).run();
}

/// Over that of a supervisor before it, whose room it takes: the disk may be full.
Result<void> write_identity(const Fd& lock, const std::string& name) {
  DSTACK_TRY(const process::Identity self, process::own_identity());
  const std::string text = process::render(self) + "\n";
  const auto size = static_cast<ssize_t>(text.size());
  if (::pwrite(lock.get(), text.data(), text.size(), 0) != size ||
      ::ftruncate(lock.get(), size) != 0)
    return fail_errno("cannot record the supervisor of run '{}'", name);
  return {};
}

Result<void> supervise(const files::Home& home,
                       const std::string& name,
                       const Fd& lock,
                       std::optional<store::Records> opened,
                       std::optional<store::Records> for_recorder) {
  struct stat status;
  if (::fstat(lock.get(), &status) == 0 && status.st_size > 0)
    remove_unfinished_files(home, name);  // of the one before
  DSTACK_CHECK(when_possible(home, [&] { return write_identity(lock, name); }));
  if (!opened) {
    DSTACK_TRY(auto fresh, when_possible(home, [&] { return store::Records::open(home); }));
    // Of a supervisor whose database was lost.
    DSTACK_CHECK(when_possible(home, [&] { return fresh.take_over(name); }));
    opened.emplace(std::move(fresh));
  }
  store::Records records = *std::move(opened);
  DSTACK_TRY(auto run, when_possible(home, [&] { return records.find_run(name); }));
  if (!run)
    return remove_tree(home.run(name));  // it was removed, and its folder made again after that
  if (!job::is_final(run->status))
    DSTACK_CHECK(supervise_to_end(home, name, records, std::move(for_recorder), *run));
  process::leave_to_oom_killer();  // from here on programs of the user's are started
  DSTACK_CHECK(send_notifications(home, records, *run));
  return apply_retention(home, records, *run).map_error(while_doing("forgetting earlier runs"));
}

/// The one that was handed over, already held; else a fresh one, of a supervisor started by hand.
Result<Fd> open_lock(const Path& file) {
  struct stat named;
  struct stat given;
  if (::stat(file.c_str(), &named) != 0 || ::fstat(supervisor_lock_fd, &given) != 0 ||
      named.st_dev != given.st_dev || named.st_ino != given.st_ino)
    return open_file(file.string(), O_RDWR | O_CREAT, 0600);
  ::fcntl(supervisor_lock_fd, F_SETFD, FD_CLOEXEC);
  return Fd(supervisor_lock_fd);
}

bool was_started_ahead() {
  struct stat status;
  return ::fstat(supervisor_lock_fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

/// The question for a run that is not there yet has the database read its schema. What fails is
/// tried again, and reported, when there is a run.
std::optional<store::Records> open_ahead(const files::Home& home, const std::string& name) {
  auto records = store::Records::open(home);
  if (!records || !records->find_run(name))
    return std::nullopt;
  return *std::move(records);
}

}  // namespace

int supervisor_main(const files::Home& home, const std::string& name) {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  const Path folder = home.run(name);
  std::optional<store::Records> records;
  std::optional<store::Records> for_recorder;
  Result<Fd> lock = Fd();
  if (was_started_ahead()) {
    sync_run_folder(home, supervisor_lock_fd);
    records = open_ahead(home, name);
    for_recorder = open_ahead(home, name);
    lock = receive_run_lock(supervisor_lock_fd);
    ::close(supervisor_lock_fd);
    if (!*lock)
      return 0;  // there will be no such run
  } else {
    lock = open_lock(folder / file_names::run_lock);
  }
  if (!lock)
    return 1;
  const auto held = lock_exclusive(lock->get(), Wait::no);
  if (!held) {
    log_problem(folder, render(held.error()));
    return 1;
  }
  if (!*held)
    return 0;  // another supervisor has it
  report_fatal_exit_in((folder / file_names::supervisor_log).string());
  backend::LocalProcess::adopt_orphans();  // of a runner that is killed
  process::protect_from_oom_killer();
  start_supervisor_log(folder);
  log_decision(fmt::format("supervises run '{}' as process {}", name, ::getpid()));
  if (auto result = supervise(home, name, *lock, std::move(records), std::move(for_recorder));
      !result) {
    log_problem(folder, render(result.error()));
    return 1;
  }
  return 0;
}

}  // namespace dstack::run

#include "dstack/run/supervisor/orphan_cleanup.hpp"

#include "dstack/backend/container.hpp"
#include "dstack/backend/local_process.hpp"
#include "dstack/base/abandoned_writes.hpp"
#include "dstack/base/text.hpp"
#include "dstack/files/staging_folder.hpp"
#include "dstack/job/status.hpp"
#include "dstack/process/adoption.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/process/pipe_users.hpp"
#include "dstack/process/signal.hpp"
#include "dstack/resources/limits.hpp"
#include "dstack/run/protocol/file_names.hpp"
#include "dstack/run/protocol/mailbox.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "dstack/run/protocol/supervision.hpp"
#include "dstack/run/schedule/gangs.hpp"
#include "dstack/run/supervisor/attempt_folders.hpp"
#include "dstack/run/supervisor/supervisor_log.hpp"
#include "dstack/store/records/records.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace dstack::run {

namespace {

/// The order of a run that is not over.
Result<std::optional<RunOrder>> unfinished_order(const files::Home& home, const std::string& name) {
  DSTACK_TRY(auto records, store::Records::open(home));
  DSTACK_TRY(const auto run, records.find_run(name));
  if (!run || job::is_final(run->status))
    return std::optional<RunOrder>();
  DSTACK_TRY(auto order, read_run_order(records, *run));
  return std::optional(std::move(order));
}

/// Takes a lock, unless the process whose identity is in a file lives and holds it. A killed
/// process closes its descriptors one after the other, perhaps the lock last: waits for that.
Fd take_lock_of_dead(const Path& path, const Path& identity) {
  constexpr int patience_ms = 1000;
  for (int tries = 0; tries < patience_ms; ++tries) {
    auto lock = open_file(path.string(), O_RDWR);
    const auto taken = lock ? lock_exclusive(lock->get(), Wait::no) : Failure(lock.error());
    if (!taken)
      break;
    if (*taken)
      return *std::move(lock);
    const auto holder = process::parse_identity(read_file(identity).value_or(""));
    const Fd living = holder ? process::open_process(*holder) : Fd();
    pollfd polled{living.get(), POLLIN, 0};
    if (::poll(&polled, 1, living ? patience_ms : 1) == 0 && living)
      break;
  }
  return {};
}

/// Those that changed the environment by which they are found, and still have the job's output.
void kill_writers(const Path& attempt) {
  const auto runner = process::parse_identity(read_file(attempt / file_names::runner).value_or(""));
  if (!runner || runner->boot != process::boot_id())
    return;  // the number is that of this boot
  const std::string states = read_file(attempt / file_names::states).value_or("");
  for (const std::string_view line : split(states, '\n'))
    if (const auto pipe = parse_output_pipe(line))
      process::kill_users_of_pipe(*pipe);
}

}  // namespace

Result<void> end_orphans(const files::Home& home,
                         const RunOrder& order,
                         std::size_t job,
                         std::size_t attempt) {
  const std::string& id = order.job_ids[job];
  const Path folder = attempt_folder(home, order.plan.run_name, job, attempt);
  process::kill_adopted();
  process::kill_marked("JOB_ID", id);
  kill_writers(folder);
  if (order.machine)
    resources::remove_groups(id);
  remove_abandoned_writes(folder);
  return backend::remove_container(folder / file_names::container).map_error([&](Error error) {
    error.message = fmt::format(
        "its container is still there, and can be removed with 'docker rm -f dstack-{}': {}",
        id,
        error.message);
    return error;
  });
}

void remove_unfinished_files(const files::Home& home, const std::string& run) {
  const Path top = home.run(run);
  remove_abandoned_writes(top);
  files::remove_abandoned_staging_folders(files::Home{top / file_names::kept});
  boost::system::error_code error;
  for (fs::directory_iterator job(top, error), end; !error && job != end; job.increment(error)) {
    if (!parse_number<std::size_t>(job->path().filename().string()))
      continue;
    remove_abandoned_writes(job->path());
    for (std::size_t attempt = 2;; ++attempt) {
      const Path folder = job->path() / fmt::format("attempt-{}", attempt);
      if (::access(folder.c_str(), F_OK) != 0)
        break;
      remove_abandoned_writes(folder);
    }
  }
}

void end_orphaned_gang(const files::Home& home, const std::string& run, std::size_t leader) {
  // While we hold the lock no supervisor can begin, nor another attempt of the job.
  const Path run_lock = home.run(run) / file_names::run_lock;
  Fd lock = take_lock_of_dead(run_lock, run_lock);
  if (!lock)
    return;
  const auto order = unfinished_order(home, run);
  if (!order || !*order || leader >= (*order)->plan.jobs.size())
    return;
  const AttemptFolders folders(home, **order);
  const Gangs gangs((*order)->plan);
  for (const std::size_t job : gangs.members(leader)) {
    const auto attempt = folders.newest(job);
    if (!attempt || *attempt == 0)
      continue;
    const Path folder = folders.folder(job, *attempt);
    (void)take_lock_of_dead(folder / file_names::lock, folder / file_names::runner);
    // Its supervisor does it again, and records it.
    if (folders.look(job, *attempt) == Trace::lost)
      (void)end_orphans(home, **order, job, *attempt);
  }
  lock.reset();
  log_decision(fmt::format("ended what was left of run '{}', and starts a supervisor for it", run));
  (void)ensure_supervised(home, run, WithoutFolder::removed);
}

}  // namespace dstack::run

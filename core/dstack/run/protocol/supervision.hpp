// Makes sure that a run has a supervisor. Called by whatever starts a run, follows it, stops it, or
// ends one of its jobs.
#pragma once

#include "dstack/base/fd.hpp"
#include "dstack/files/home.hpp"
#include "dstack/process/spawn.hpp"

#include <optional>
#include <string>
#include <utility>

namespace dstack::run {

/// Where a supervisor finds the lock that whoever started it hands over, or a socket from which it
/// gets it: receive_run_lock().
inline constexpr int supervisor_lock_fd = 3;

/// What it means that a run has no folder.
enum class WithoutFolder {
  lost,     ///< the run is on record, and a power cut has taken the folder: it is made again
  removed,  ///< it was there when the caller began, so the run has been removed meanwhile
};

/// The run's lock, held now. Nothing when somebody else has it, or the run was removed.
Result<std::optional<Fd>> take_run_lock(const files::Home& home,
                                        const std::string& run,
                                        WithoutFolder means = WithoutFolder::lost);

/// Starts one, detached, which has the lock from its first instruction on: so nobody ever finds the
/// lock free between the start of a supervisor and the moment it gets to run, however slow the
/// machine is. The caller may drop the child if it does not need to know how it ends.
Result<process::Child> start_supervisor(const files::Home& home, const std::string& run, Fd lock);

/// A supervisor that was started for a run which is not on record yet: it gets ready, and brings
/// the name of the run's folder to the disk, but touches nothing of the run before it is sent off.
/// So neither costs time where another processor is free.
class ReadySupervisor {
 public:
  static Result<ReadySupervisor> start(const files::Home& home, const std::string& run);
  ReadySupervisor(ReadySupervisor&&) = default;
  ~ReadySupervisor();  ///< ends it, unless it was sent off

  /// False: not yet. It is not waited for, as it may not even have got to run.
  bool has_synced_folder() const;
  /// As start_supervisor(), which is called if this one has died meanwhile.
  Result<process::Child> send_off(Fd lock) &&;

 private:
  ReadySupervisor(files::Home home, std::string run, process::Child child, Fd socket)
      : home_(std::move(home)),
        run_(std::move(run)),
        child_(std::move(child)),
        socket_(std::move(socket)) {}

  files::Home home_;
  std::string run_;
  process::Child child_;
  Fd socket_;  ///< none: it was sent off
};

/// In a supervisor that was started ahead, first: syncs the folder of all runs, and says so.
void sync_run_folder(const files::Home& home, int socket);
/// Then: waits until it is sent off. Nothing when nobody will do that any more.
Fd receive_run_lock(int socket);

/// Starts one where the lock is free, and returns it.
Result<std::optional<process::Child>> ensure_supervised(const files::Home& home,
                                                        const std::string& run,
                                                        WithoutFolder means = WithoutFolder::lost);

/// The run of this home whose job this process is part of, by its variables; empty: of none.
std::string surrounding_run(const files::Home& home);
/// Has the supervisor of the surrounding run start one for `run`, and waits for it: a process of
/// the job would end with the job. False: that did not happen, and the lock is free.
bool start_beside(const files::Home& home, const std::string& surrounding, const std::string& run);

/// The error of a run that has none, for the user: the run is recorded all the same.
Error without_supervisor(const std::string& run, Error why);

/// Whether a run may be on record although its transaction has failed: what could not be synced may
/// be on the disk all the same.
bool may_have_been_recorded(const Error& why);
/// The error of a run that may be on record, for the user: what is on record is carried out.
Error may_be_recorded(const std::string& run, Error why);

}  // namespace dstack::run

// What the end of a job's runner means: the job is over, or it is retried; and what it means
// for the others of its gang, which are stopped and retried together. Pure: knows no process, no
// clock, no disk.
#pragma once

#include "dstack/job/run_clock.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/protocol/exit_record.hpp"
#include "dstack/run/schedule/gangs.hpp"
#include "dstack/store/records/changes.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dstack::run {

/// How one attempt of a job ended.
struct End {
  std::size_t job = 0;
  ExitRecord record;
  /// Without a record: its runner was killed, or the record's message says what is known.
  bool lost = false;
  job::Moment at = {};
};

/// What an end means for the job, before its artifacts are stored.
store::JobChange outcome_of(const End& end);

/// Adds a sentence to the reason of a change.
void add_reason(store::JobChange& change, const std::string& sentence);

/// Whether a failed attempt may be followed by another: not where the user has stopped the
/// workflow.
enum class RetryPolicy { retry, give_up };

class Attempts {
 public:
  Attempts(const plan::Plan& plan, const Gangs& gangs);

  /// How many attempts of a job have begun.
  std::size_t begun(std::size_t job) const { return begun_[job]; }

  /// How many there may be so far: those that the user wants, and one more for each that failed
  /// because somebody else was at its port, up to four.
  std::size_t most(std::size_t job) const;

  /// The sentence on whoever took the port of an earlier attempt; empty: nobody did.
  std::string why_other_ports(std::size_t job) const;

  void begin(std::size_t job) { ++begun_[job]; }

  /// Takes over what another supervisor began.
  void restore(std::size_t job, std::size_t begun) { begun_[job] = begun; }

  /// An end that is on record. The earliest failure first.
  void restore_end(std::size_t job, job::Status status);

  struct Verdict {
    std::vector<End> over;           ///< these ends are final
    std::vector<std::size_t> retry;  ///< these jobs begin another attempt, together,
    store::JobChange failure;        ///< because of this
  };

  /// An attempt has ended. A gang that may be retried is judged when all of it has ended: until
  /// then its ends are held back, for what is on record as done stays done.
  Verdict ended(End end, RetryPolicy policy);

  bool holds(std::size_t job) const;
  /// The first of a job's gang that failed in this attempt.
  std::optional<std::size_t> failed_first(std::size_t job) const;
  /// Of all gangs in which one has failed and that are not retried.
  std::vector<std::size_t> first_failures() const;

 private:
  /// A gang of which some have ended and others have not.
  struct AtWork {
    std::vector<End> held;
    std::optional<store::JobChange> failure;  ///< the first
    bool is_last = false;                     ///< what ends now is over
  };

  /// Attempts that a job is given because somebody else was at its port.
  struct OtherPorts {
    std::size_t attempts = 0;
    std::string why = {};  ///< the last time
  };

  void note_taken_port(std::size_t job, const std::string& why);

  const plan::Plan& plan_;
  const Gangs& gangs_;
  std::vector<std::size_t> begun_;
  std::map<std::size_t, AtWork> gangs_at_work_;    ///< by leader
  std::map<std::size_t, OtherPorts> other_ports_;  ///< by leader
};

}  // namespace dstack::run

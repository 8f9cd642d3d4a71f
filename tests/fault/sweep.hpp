// Sweeps: a scenario is done again and again, each time with another call of one of its processes
// that kills the process or fails, and each time everything has to be well afterwards.
//
//   DSTACK_SWEEP=all            every point, in place of an even sample
//   DSTACK_SWEEP_SEED=N         which sample; it is printed, and a new one each time without
//   DSTACK_SWEEP_POINT=POINT    one point alone, in the words in which a failure names it
//   DSTACK_SWEEP_TABLE=FILE     gets a line for each sweep: guarantee, tried, failed
#pragma once

#include "fault_board.h"
#include "support/sandbox.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace dstack::test {

/// What is done to one call. "exec:12" kills at the twelfth, "exec:12:EIO" has it fail, and
/// "exec:12+:EIO" has it and all later ones fail. A disk that is full gets room after a while:
/// until then a run may wait.
struct FaultPoint {
  std::string role;  ///< the word after "dstack"
  std::size_t call = 1;
  int error = 0;  ///< 0: the process is killed
  bool goes_on = false;
};

std::string render(const FaultPoint& point);

/// Something is not as it has to be after a fault; what.
class Broken : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Fails the point at hand.
[[noreturn]] void broken(const std::string& what);

/// What a fault does to the commands of a scenario: they run through this.
class Faulty {
 public:
  Faulty(const Sandbox& box, const FaultPoint& point);
  ~Faulty();
  Faulty(const Faulty&) = delete;
  Faulty& operator=(const Faulty&) = delete;

  /// Runs `dstack WORDS` with the fault in it. Broken when it does not end in time.
  process::Output run(const std::vector<std::string>& words, const std::string& input = {}) const;

  /// A disk that is full is so no longer.
  void give_room() const;

  /// Whether the call was reached, and which it was: "rename to /…/x".
  bool was_hit() const { return board_->hits != 0; }

  std::string call() const;

  /// Counted in the process of that role.
  std::size_t calls() const { return board_->calls; }

 private:
  const Sandbox& box_;
  FaultPoint point_;
  Path file_;
  fault_board* board_ = nullptr;
};

/// The same without a fault.
process::Output answer(const Sandbox& box,
                       const std::vector<std::string>& words,
                       const std::string& input = {});
/// For what has to succeed; its standard output.
std::string succeed(const Sandbox& box,
                    const std::vector<std::string>& words,
                    const std::string& input = {});

struct Scenario {
  std::string name;                ///< "tags add"
  std::vector<std::string> roles;  ///< whose calls are counted
  std::size_t quick_kills = 130;   ///< points of a sample
  bool fresh = false;              ///< each point in a home that does not exist yet
  /// Once for each sandbox: its project, and what is there before.
  std::function<void(const Sandbox& box)> prepare;
  /// What the fault strikes. The last output is what its user saw.
  std::function<process::Output(const Sandbox& box, const Faulty& faulty)> act;
  /// Nothing acknowledged is lost, and the same works now. `output` as from act().
  std::function<void(const Sandbox& box, const process::Output& output)> check;
};

struct Tally {
  std::size_t tried = 0;
  std::size_t failed = 0;
};

/// One line of the table: what was guaranteed, how often that was tried, how often it failed.
void report_sweep(const std::string& guarantee, const std::string& name, const Tally& tally);

/// Whether everything is to be tried, and not a sample.
bool is_long_tier();
/// What samples and random moments are drawn from.
std::uint64_t sweep_seed();

/// Kills at every call that changes something.
void sweep_kills(const Scenario& scenario);
/// Has every call fail, with each error that it can have.
void sweep_errors(const Scenario& scenario);

}  // namespace dstack::test

// Handles what interrupts a command that follows a run: Ctrl-C, SIGTERM, a closed terminal.
#pragma once

#include "command_line/context.hpp"
#include "dstack/run/client/follow.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"
#include "follow/signals.hpp"
#include "ui/live.hpp"

namespace dstack::cli {

class Interruption {
 public:
  Interruption(Context& context, store::Records& records, Signals& signals)
      : context_(context), records_(records), signals_(signals) {}

  /// Called when the signals' descriptor is readable. `run` is the one that is followed. May ask a
  /// question; the block is cleared before anything is printed.
  run::FollowListener::Then handle(const store::RunRecord& run, ui::LiveBlock& block);

  /// The signal by which the run was asked to stop; 0 when it was not.
  int stopped_by() const { return stopped_by_; }

  /// The terminal is gone: nothing more is printed.
  bool hung_up() const { return hung_up_; }

 private:
  enum class Answer { stop, detach, go_on };

  run::FollowListener::Then handle_signal(int signal, const store::RunRecord& run);
  Answer ask();
  void stop(int signal, const store::RunRecord& run);

  Context& context_;
  store::Records& records_;
  Signals& signals_;
  int stopped_by_ = 0;
  bool aborted_ = false;
  bool hung_up_ = false;
};

}  // namespace dstack::cli

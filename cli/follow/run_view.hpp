// Shows a run while it is followed: the jobs' output on standard output, their status on standard
// error. On a terminal a block with one line for each job is below the output; in a pipe each
// change of a status is a line, and so is the newest state of a job's progress bar, once a second.
#pragma once

#include "command_line/context.hpp"
#include "dstack/run/client/follow.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"
#include "follow/interruption.hpp"
#include "follow/state_clock.hpp"
#include "ui/job_output.hpp"
#include "ui/live.hpp"
#include "ui/transfer.hpp"
#include "views/work_progress.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace dstack::cli {

class RunView final : public run::FollowListener {
 public:
  /// `state` is the one that is followed.
  RunView(Context& context, Interruption& interruption, const store::RunState& state);

  void began(const store::RunState& state) override;
  void output(std::size_t job, std::string_view bytes) override;
  void changed(const store::RunState& state, const std::vector<std::size_t>& jobs) override;
  void tick() override;
  int next_tick() override;
  Then woken() override;

  /// Removes the block and prints the last line of every job.
  void finish();

  const store::RunState& state() const { return state_; }

  const std::vector<std::string>& labels() const { return labels_; }

  /// True when the end of this job's output is still visible.
  bool was_just_printed(std::size_t job) const;

 private:
  bool shows_states() const;
  /// As it is now.
  const ui::Transfer* transfer_of(const store::JobRecord& job);
  void print_transfers();

  bool draws() const { return block_.works() && !context_.messages.quiet(); }

  void redraw();
  void redraw_sometimes();
  /// Draws the block that stays on the screen when the run is over.
  void leave_picture();
  /// Prints the address of each application once, as soon as it answers.
  void announce_apps(const std::vector<std::size_t>& jobs);
  void print_changes(const std::vector<std::size_t>& jobs);
  std::vector<ui::LiveBlock::Line> picture();
  ui::LiveBlock::Line line_of(const store::JobRecord& job, const ClockReading& now);
  std::string counts() const;

  Context& context_;
  Interruption& interruption_;
  const store::RunState& state_;
  ui::LiveBlock block_;
  std::optional<ui::JobOutput> output_;
  std::vector<std::string> labels_;
  std::vector<store::JobRecord> printed_;  ///< the states that were printed last
  std::set<std::string> announced_;        ///< addresses of applications
  std::size_t label_width_ = 0;
  std::chrono::steady_clock::time_point drawn_at_;
  std::set<std::size_t> copied_for_;  ///< jobs that get inputs, or whose artifacts are saved
  std::map<std::size_t, ui::Transfer> transfers_;  ///< by job
  StateClock transfer_lines_{between_progress_lines};
  StateClock states_;
};

/// What to say where a run cannot be followed any longer.
std::string run_goes_on(const std::string& run);

/// Warnings of all jobs: "train[1]: artifact 'model' does not exist". Of this part of
/// the run.
std::vector<std::string> warnings_of_jobs(const store::RunState& state,
                                          const run::Selection& part = {});

/// Prints the end of a followed run: where its artifacts are, or a summary of its failure.
void print_summary(const Context& context, store::Records& records, const RunView& view);

}  // namespace dstack::cli

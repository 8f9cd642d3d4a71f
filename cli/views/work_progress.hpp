// How far the command's own copying is: a line on a terminal, elsewhere one now and then.
#pragma once

#include "dstack/base/progress.hpp"
#include "ui/live.hpp"
#include "ui/messages.hpp"
#include "ui/transfer.hpp"

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace dstack::cli {

/// Between two lines about the same work where nothing can be drawn again.
inline constexpr std::chrono::seconds between_progress_lines{10};

/// While it lives, the work of the thread that made it is shown, if there is much of it; it
/// must be destroyed by the same one. The line goes with it.
class WorkProgress {
 public:
  explicit WorkProgress(const ui::Messages& messages,
                        std::chrono::milliseconds between_lines = between_progress_lines);

  WorkProgress(const WorkProgress&) = delete;
  WorkProgress& operator=(const WorkProgress&) = delete;

  /// What follows is this: "copying the input 'data'".
  void begin(std::string what);
  /// A message meanwhile.
  void note(std::string_view line);

 private:
  void show(const WorkState& state);

  const ui::Messages& messages_;
  const std::chrono::milliseconds between_lines_;
  std::mutex mutex_;
  ui::LiveBlock block_;
  std::optional<ui::Transfer> transfer_;
  WorkState before_;  ///< of what was done under another name
  ui::Transfer::Time line_at_ = std::chrono::steady_clock::now();  ///< of the last line
  ProgressReporter reporter_;
  ReportedWork reported_;
};

}  // namespace dstack::cli

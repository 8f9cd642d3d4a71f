#include "views/work_progress.hpp"

#include <algorithm>

namespace dstack::cli {

namespace {

constexpr std::chrono::milliseconds between_frames{200};

WorkAmount without(const WorkAmount& all, const WorkAmount& part) {
  return {all.files - part.files, all.bytes - part.bytes};
}

}  // namespace

WorkProgress::WorkProgress(const ui::Messages& messages, std::chrono::milliseconds between_lines)
    : messages_(messages),
      between_lines_(between_lines),
      block_(messages.stream()),
      reporter_(std::min(between_frames, between_lines),
                [this](const WorkState& state) { show(state); }),
      reported_(messages.quiet() ? nullptr : &reporter_) {}

void WorkProgress::begin(std::string what) {
  const WorkState state = reporter_.state();
  const std::lock_guard guard(mutex_);
  before_ = state;
  transfer_.emplace(std::move(what));
  line_at_ = std::chrono::steady_clock::now();
}

void WorkProgress::note(std::string_view line) {
  const std::lock_guard guard(mutex_);
  block_.clear();
  messages_.note(line);
}

void WorkProgress::show(const WorkState& state) {
  const std::lock_guard guard(mutex_);
  const WorkState own{without(state.done, before_.done), without(state.all, before_.all)};
  if (!transfer_ || own.all == WorkAmount{})
    return;
  const auto now = std::chrono::steady_clock::now();
  transfer_->update(own, now);
  if (block_.works()) {
    block_.draw({{ui::Cell{transfer_->line()}}});
  } else if (now - line_at_ >= between_lines_) {
    messages_.note(transfer_->sentence());
    line_at_ = now;
  }
}

}  // namespace dstack::cli

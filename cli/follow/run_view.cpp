#include "follow/run_view.hpp"

#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/application.hpp"
#include "dstack/job/run_clock.hpp"
#include "dstack/job/status.hpp"
#include "dstack/process/identity.hpp"
#include "dstack/run/protocol/job_progress.hpp"
#include "ui/status.hpp"
#include "views/applications.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace dstack::cli {

namespace {

using job::Status;
using store::JobRecord;

constexpr std::size_t fewest_rows = 4;
/// This many lines later, the end of a job's output has scrolled away.
constexpr std::size_t lines_in_sight = 12;
constexpr std::chrono::milliseconds least_between_pictures{40};

/// The order in which jobs get a line of the block: lowest first.
int importance(Status status) {
  switch (status) {
    case Status::running:
    case Status::uploading:
    case Status::preparing:
    case Status::downloading:
    case Status::stopping:
    case Status::aborting:
      return 0;
    case Status::failed:
      return 1;
    case Status::submitted:
    case Status::queued:
      return 2;
    case Status::done:
    case Status::stopped:
    case Status::aborted:
    case Status::skipped:
      break;
  }
  return 3;
}

std::string padded(std::string text, std::size_t width) {
  const std::size_t used = display_width(text);
  return used < width ? std::move(text) + std::string(width - used, ' ') : std::move(text);
}

}  // namespace

RunView::RunView(Context& context, Interruption& interruption, const store::RunState& state)
    : context_(context),
      interruption_(interruption),
      state_(state),
      block_(context.messages.stream()) {}

void RunView::began(const store::RunState& state) {
  labels_ = ui::job_labels(state.run, state.jobs);
  for (const std::string& label : labels_)
    label_width_ = std::max(label_width_, display_width(label));
  printed_.resize(state.jobs.size());  // as submitted, which is not printed
  const auto prefix =
      state.jobs.size() > 1 ? ui::JobOutput::Prefix::yes : ui::JobOutput::Prefix::no;
  output_.emplace(context_.out, labels_, prefix);
}

void RunView::output(std::size_t job, std::string_view bytes) {
  if (context_.out.stream().terminal)
    block_.clear();
  output_->write(job, bytes, 0);
  context_.out.flush();
  redraw();
}

void RunView::changed(const store::RunState& state, const std::vector<std::size_t>& jobs) {
  for (const std::size_t job : jobs)
    if (job::is_final(state.jobs[job].status) && output_->has_rest(job)) {
      block_.clear();
      output_->finish(job);
      context_.out.flush();
    }
  for (const std::size_t job : jobs) {
    const Status status = state.jobs[job].status;
    if (status == Status::downloading || status == Status::uploading)
      copied_for_.insert(job);
    else
      copied_for_.erase(job);
  }
  announce_apps(jobs);
  if (draws())
    redraw_sometimes();
  else
    print_changes(jobs);
}

void RunView::announce_apps(const std::vector<std::size_t>& jobs) {
  const ui::Stream& stream = context_.messages.stream();
  for (const std::size_t job : jobs)
    for (const job::Application& app : state_.jobs[job].apps) {
      if (app.state == job::ApplicationState::starting || job::is_final(state_.jobs[job].status))
        continue;
      const bool ready = app.state == job::ApplicationState::ready;
      if (!announced_.insert((ready ? "ready " : "late ") + app.url).second)
        continue;
      block_.clear();
      if (!output_->at_line_start() && context_.out.stream().terminal)
        context_.messages.raw("\n");
      context_.messages.note(fmt::format(
          "{}: {}",
          labels_[job],
          ready ? fmt::format("{}: {}",
                              ui::paint(stream, ui::Colour::green, "ready"),
                              render_app(stream, state_.run.name, app))
                : fmt::format("nothing answers yet at {}; the job continues", printable(app.url))));
      if (const auto command = ready ? ssh_command(app) : std::nullopt)
        context_.messages.note(fmt::format("  on your computer:  {}", *command));
    }
}

void RunView::tick() {
  if (shows_states() && states_.milliseconds_left() == 0) {
    output_->write_states();
    context_.out.flush();
    states_.restart();
  }
  if (!draws() && transfer_lines_.milliseconds_left() == 0)
    print_transfers();
  redraw_sometimes();
}

/// Where the block is drawn it shows them.
bool RunView::shows_states() const {
  const bool are_shown = draws() && context_.out.stream().terminal;
  return output_ && output_->has_states() && !are_shown;
}

int RunView::next_tick() {
  int next = shows_states() ? states_.milliseconds_left() : -1;
  const bool has_lines = !draws() && !context_.messages.quiet() && !copied_for_.empty();
  if (has_lines && (next < 0 || transfer_lines_.milliseconds_left() < next))
    next = transfer_lines_.milliseconds_left();
  return next;
}

/// Null: nothing is copied for the job, or what is will soon be there.
const ui::Transfer* RunView::transfer_of(const JobRecord& job) {
  const auto progress = copied_for_.contains(job.index)
                            ? run::read_job_progress(context_.home.job(state_.run.name, job.index))
                            : std::nullopt;
  if (!progress) {
    transfers_.erase(job.index);
    return nullptr;
  }
  const std::string what = printable(progress->what);
  ui::Transfer& transfer = transfers_.try_emplace(job.index, what).first->second;
  if (transfer.what() != what)
    transfer = ui::Transfer(what);
  transfer.update(progress->state, std::chrono::steady_clock::now());
  return &transfer;
}

void RunView::print_transfers() {
  transfer_lines_.restart();
  for (const std::size_t job : copied_for_)
    if (const ui::Transfer* transfer = transfer_of(state_.jobs[job]))
      context_.messages.note(fmt::format("{}: {}", labels_[job], transfer->sentence()));
}

run::FollowListener::Then RunView::woken() {
  const Then then = interruption_.handle(state_.run, block_);
  redraw();
  return then;
}

void RunView::finish() {
  block_.clear();
  if (!output_)
    return;
  output_->finish_all();
  context_.out.flush();
  if (!output_->at_line_start() && context_.out.stream().terminal && !context_.messages.quiet())
    context_.messages.raw("\n");
  if (draws() && job::is_final(state_.run.status))
    leave_picture();
}

void RunView::leave_picture() {
  const std::size_t rows = ui::screen_size(context_.messages.stream()).rows;
  if (state_.jobs.size() < 2 || state_.jobs.size() > rows / 2)
    return;
  const ClockReading now = process::read_clocks();
  std::vector<ui::LiveBlock::Line> lines;
  for (const JobRecord& job : state_.jobs)
    lines.push_back(line_of(job, now));
  block_.draw(lines);
  block_.forget();
}

bool RunView::was_just_printed(std::size_t job) const {
  return output_ && output_->has_written(job) && output_->lines_since(job) <= lines_in_sight;
}

/// Not below half a line of output: the next whole line draws it again.
void RunView::redraw() {
  if (!draws() || !output_ || interruption_.hung_up())
    return;
  if (output_->at_line_start() || !context_.out.stream().terminal) {
    block_.draw(picture());
    drawn_at_ = std::chrono::steady_clock::now();
  }
}

/// At a limited rate; the next tick draws what was skipped here.
void RunView::redraw_sometimes() {
  if (std::chrono::steady_clock::now() - drawn_at_ >= least_between_pictures)
    redraw();
}

void RunView::print_changes(const std::vector<std::size_t>& jobs) {
  for (const std::size_t index : jobs) {
    const JobRecord& job = state_.jobs[index];
    JobRecord& printed = printed_[job.index];
    if (job.status == printed.status && job.reason == printed.reason)
      continue;
    printed = job;
    context_.messages.note(fmt::format(
        "{}: {}", labels_[job.index], printable(ui::render_outcome(ui::outcome_of(job)))));
  }
}

ui::LiveBlock::Line RunView::line_of(const JobRecord& job, const ClockReading& now) {
  const ui::Outcome outcome = ui::outcome_of(job);
  const ui::Colour colour = ui::colour_of(job.status);
  ui::LiveBlock::Line line = {
      {fmt::format(" {} ", ui::symbol(context_.messages.stream(), job.status)), colour},
      {fmt::format("{}  ", padded(labels_[job.index], label_width_))},
      {padded(ui::render_outcome(outcome), 12), colour}};
  if (job.started_at)
    line.push_back({fmt::format("  {}",
                                render_duration(job::duration(
                                    *job.started_at, job.finished_at, state_.run.clock, now))),
                    ui::Colour::dim});
  if (const ui::Transfer* transfer = transfer_of(job))
    line.push_back({fmt::format("  {}", transfer->line()), ui::Colour::dim});
  const bool may_show = state_.jobs.size() > 1 && !job::is_final(job.status);
  if (const auto progress = output_->progress(job.index); may_show && !progress.empty())
    line.push_back({fmt::format("  {}", progress), ui::Colour::dim});
  return line;
}

std::string RunView::counts() const {
  static constexpr std::array kinds = {Status::done,
                                       Status::failed,
                                       Status::stopped,
                                       Status::aborted,
                                       Status::skipped,
                                       Status::running,
                                       Status::uploading,
                                       Status::preparing,
                                       Status::downloading,
                                       Status::stopping,
                                       Status::aborting,
                                       Status::queued,
                                       Status::submitted};
  std::map<Status, std::size_t> counted;
  for (const JobRecord& job : state_.jobs)
    ++counted[job.status];
  std::vector<std::string> parts;
  for (const Status kind : kinds) {
    const std::size_t count = counted[kind];
    if (count > 0)
      parts.push_back(fmt::format("{} {}", count, job::render(kind)));
  }
  return join(parts, ", ");
}

std::vector<ui::LiveBlock::Line> RunView::picture() {
  const ClockReading now = process::read_clocks();
  const std::size_t rows = ui::screen_size(context_.messages.stream()).rows;
  const std::size_t most = std::max(fewest_rows, rows / 3);
  std::vector<const JobRecord*> shown;
  for (const JobRecord& job : state_.jobs)
    shown.push_back(&job);
  const bool folds = shown.size() + 1 > most;
  if (folds) {
    const auto end = shown.begin() + static_cast<std::ptrdiff_t>(most - 1);
    std::nth_element(shown.begin(), end, shown.end(), [](const JobRecord* a, const JobRecord* b) {
      return std::pair(importance(a->status), a->index) <
             std::pair(importance(b->status), b->index);
    });
    shown.erase(end, shown.end());
    std::sort(shown.begin(), shown.end(), [](const JobRecord* a, const JobRecord* b) {
      return a->index < b->index;
    });
  }
  std::vector<ui::LiveBlock::Line> lines;
  for (const JobRecord* job : shown)
    lines.push_back(line_of(*job, now));
  if (state_.jobs.size() > 1) {
    const std::string more =
        folds ? fmt::format("and {} more; in all ", state_.jobs.size() - shown.size()) : "";
    const job::Moment present =
        job::moment_of(now, state_.run.clock, {.at = state_.run.submitted_at});
    lines.push_back({{fmt::format(" {}{}  {}", more, counts(), render_duration(present.elapsed)),
                      ui::Colour::dim}});
  }
  return lines;
}

}  // namespace dstack::cli

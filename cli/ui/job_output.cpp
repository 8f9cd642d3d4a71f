#include "ui/job_output.hpp"

#include "dstack/base/text.hpp"
#include "dstack/store/records/run_record.hpp"

#include <algorithm>
#include <utility>

namespace dstack::ui {

std::vector<std::string> job_labels(const store::RunRecord& run,
                                    const std::vector<store::JobRecord>& jobs) {
  std::vector<std::size_t> seen(run.workflows.size(), 0);
  std::vector<std::string> labels;
  for (const store::JobRecord& job : jobs) {
    const store::WorkflowRecord& workflow = run.workflows[job.workflow];
    const std::string index = std::to_string(seen[job.workflow]++);
    labels.push_back(printable(workflow.name) + (workflow.jobs > 1 ? "[" + index + "]" : ""));
  }
  return labels;
}

JobOutput::JobOutput(Output& output,
                     std::vector<std::string> labels,
                     Prefix prefix,
                     Sequences sequences,
                     Clock clock)
    : output_(output),
      prefix_(prefix),
      sanitizes_(sequences == Sequences::sanitized && output.stream().terminal),
      clock_(std::move(clock)),
      alone_(TerminalText::Moves::progress_bars) {
  const auto bars = sequences == Sequences::raw ? JobLines::Bars::whole : JobLines::Bars::newest;
  for (std::size_t job = 0; job < labels.size(); ++job)
    jobs_.push_back({{}, {bars, [this, job](std::string_view line, std::uint64_t offset) {
                            write_line(job, line, offset);
                          }}});
  const Stream& stream = output.stream();
  std::size_t width = 0;
  if (stream.live)
    for (const std::string& label : labels)
      width = std::max(width, display_width(label));
  for (std::size_t job = 0; job < labels.size(); ++job) {
    const std::size_t used = display_width(labels[job]);
    const std::string blanks(width > used ? width - used : 0, ' ');
    if (prefix == Prefix::yes)
      jobs_[job].prefix = fmt::format(
          "{} ", paint(stream, nth_colour(job), fmt::format("{}{} |", labels[job], blanks)));
  }
}

void JobOutput::write(std::size_t job, std::string_view bytes, std::uint64_t offset) {
  if (bytes.empty())
    return;
  if (passes_through()) {
    if (sanitizes_)
      output_.write(alone_.take(bytes));
    else
      output_.write(bytes);
    at_line_start_ = bytes.back() == '\n';
    jobs_[job].last_line = ++lines_;
    return;
  }
  jobs_[job].lines.take(bytes, offset);
  if (jobs_[job].lines.has_states())
    moving_.insert(job);
  else
    moving_.erase(job);
}

void JobOutput::write_states() {
  for (const std::size_t job : moving_)
    jobs_[job].lines.write_states();
}

void JobOutput::finish(std::size_t job) {
  jobs_[job].lines.finish();
  moving_.erase(job);
}

void JobOutput::finish_all() {
  output_.write(alone_.finish());
  for (std::size_t job = 0; job < jobs_.size(); ++job)
    finish(job);
}

void JobOutput::write_line(std::size_t job, std::string_view line, std::uint64_t offset) {
  output_.write(jobs_[job].prefix);
  if (clock_) {
    const auto time = clock_(job, offset);
    const std::string text = time ? render_time(*time) : std::string(24, '-');
    output_.write(fmt::format("{} ", paint(output_.stream(), Colour::dim, text)));
  }
  // On a terminal a carriage return would overwrite the prefix, and other sequences even more; in a
  // pipe every byte is kept.
  if (sanitizes_) {
    TerminalText text(TerminalText::Moves::none);
    output_.write(text.take(newest_state(line)));
    output_.write(text.finish());
  } else {
    output_.write(line);
  }
  output_.write("\n");
  jobs_[job].last_line = ++lines_;
}

std::size_t JobOutput::lines_since(std::size_t job) const {
  return static_cast<std::size_t>(lines_ - jobs_[job].last_line);
}

}  // namespace dstack::ui

#include "dstack/base/quantity.hpp"
#include "dstack/base/text.hpp"
#include "dstack/job/edits.hpp"
#include "dstack/job/status.hpp"
#include "dstack/run/protocol/job_log.hpp"
#include "dstack/run/schedule/scheduler.hpp"
#include "dstack/store/records/records.hpp"
#include "dstack/store/records/run_record.hpp"
#include "follow/run_view.hpp"
#include "ui/job_lines.hpp"
#include "ui/status.hpp"
#include "views/secret_findings.hpp"
#include "views/workflow_rows.hpp"

#include <algorithm>
#include <map>

namespace dstack::cli {

namespace {

using job::Cause;
using job::Status;
using store::JobRecord;
using store::RunRecord;

constexpr std::size_t last_lines = 10;
constexpr std::size_t last_bytes = 4096;

/// Counts files that jobs, and people in an application, changed and that are not artifacts.
void print_edits(const Context& context,
                 const RunRecord& run,
                 const std::vector<job::Edits>& edits) {
  std::uint64_t files = 0;
  for (const job::Edits& edit : edits)
    files += edit.count();
  if (files > 0)
    context.messages.note(fmt::format("  {}{}dstack code {} --changes",
                                      plural(files, "changed file"),
                                      files == 1 ? " is not an artifact: " : " are not artifacts: ",
                                      run.name));
}

void print_success(const Context& context, store::Records& records, const RunRecord& run) {
  const std::vector<std::string> tagged = tags_of(run);
  const ui::Stream& stream = context.messages.stream();
  const auto row = [&](std::string_view title, const std::string& text) {
    context.messages.note(fmt::format("  {}{}", ui::paint(stream, ui::Colour::dim, title), text));
  };
  const auto artifacts = records.artifacts(run.id);
  const bool saved = artifacts && !artifacts->empty();
  if (saved)
    row("artifacts  ", fmt::format("dstack artifacts list {}", run.name));
  if (!tagged.empty())
    row("tagged     ", printable(join(tagged, ", ")));
  else if (saved)
    row("tag        ",
        fmt::format(
            "dstack tags add TAG {}{}", run.name, run.status == Status::done ? "" : " --partial"));
}

/// The end of a job's log, unless it was just printed.
void print_tail(const Context& context, const RunRecord& run, const JobRecord& job) {
  const run::JobLog log(context.home.job(run.name, job.index));
  const auto offset = log.offset_of_last(last_lines);
  const auto text = offset ? log.read_end(last_bytes, *offset) : Failure(offset.error());
  if (!text || text->empty())
    return;
  const ui::Stream& stream = context.messages.stream();
  context.messages.note("  the last lines it printed:");
  std::string_view rest = *text;
  if (rest.back() == '\n')
    rest.remove_suffix(1);
  for (const std::string_view line : split(rest, '\n'))
    context.messages.note(ui::paint(stream, ui::Colour::dim, "  | ") +
                          printable(trim(ui::newest_state(line))));
}

void print_failed_job(const Context& context, const RunView& view, const JobRecord& job) {
  const ui::Stream& stream = context.messages.stream();
  const ui::Outcome outcome = ui::outcome_of(job);
  // Nothing that the job printed says so.
  if (context.messages.quiet() && (job.cause == Cause::artifact || job.cause == Cause::lost))
    context.messages.error(make_error(ErrorCode::unavailable,
                                      "{} {}{}",
                                      view.labels()[job.index],
                                      ui::render_outcome(outcome),
                                      job.reason.empty() ? "" : fmt::format(": {}", job.reason)));
  context.messages.note(fmt::format(
      "  {} {}{}",
      ui::paint(stream, ui::Colour::bold, view.labels()[job.index]),
      ui::paint(stream, ui::Colour::red, ui::render_outcome(outcome)),
      job.reason.empty() ? "" : fmt::format(": {}", printable_lines(job.reason, "    "))));
}

void print_failure(const Context& context, const RunView& view) {
  const RunRecord& run = view.state().run;
  std::map<std::string, std::vector<std::string>> skipped;  // by reason
  std::size_t failed = 0;
  for (const JobRecord& job : view.state().jobs) {
    if (job.status == Status::failed && ++failed <= last_lines)
      print_failed_job(context, view, job);
    if (job.status == Status::skipped)
      skipped[job.reason].push_back(view.labels()[job.index]);
  }
  if (failed > last_lines)
    context.messages.note(fmt::format("  and {} more", failed - last_lines));
  for (const auto& [reason, labels] : skipped)
    context.messages.note(fmt::format("  skipped: {}{}",
                                      quoted_list(labels),
                                      reason.empty() || reason == run::skipped_with_dependency
                                          ? ""
                                          : fmt::format(": {}", reason)));
  std::string logs = fmt::format("dstack logs {}", run.name);
  const auto first = static_cast<std::size_t>(run.first_failure);
  if (run.first_failure >= 0 && first < view.state().jobs.size()) {
    const JobRecord& job = view.state().jobs[first];
    if (!view.was_just_printed(first))
      print_tail(context, run, job);
    if (run.workflows.size() > 1)
      logs += fmt::format(" {}", shell_quote(run.workflows[job.workflow].name));
  }
  const ui::Stream& stream = context.messages.stream();
  context.messages.note(ui::paint(stream, ui::Colour::dim, "  log    ") + logs);
  context.messages.note(
      fmt::format("{}dstack show {}", ui::paint(stream, ui::Colour::dim, "  facts  "), run.name));
  // Where nothing is done, running it anew is the same.
  if (std::any_of(run.workflows.begin(), run.workflows.end(), [](const auto& workflow) {
        return workflow.status == Status::done;
      }))
    context.messages.note(fmt::format(
        "{}dstack restart {} --failed", ui::paint(stream, ui::Colour::dim, "  again  "), run.name));
}

}  // namespace

std::string run_goes_on(const std::string& run) {
  return fmt::format("{0} goes on; 'dstack logs -f {0}' follows it", run);
}

std::vector<std::string> warnings_of_jobs(const store::RunState& state,
                                          const run::Selection& part) {
  std::vector<std::string> warnings;
  const auto labels = ui::job_labels(state.run, state.jobs);
  for (const JobRecord& job : state.jobs)
    if (part.holds(job.workflow))
      for (const std::string& warning : job.warnings)
        warnings.push_back(fmt::format("{}: {}", labels[job.index], warning));
  return warnings;
}

void print_summary(const Context& context, store::Records& records, const RunView& view) {
  const RunRecord& run = view.state().run;
  const ui::Stream& stream = context.messages.stream();
  context.messages.warnings(warnings_of_jobs(view.state()));
  if (const auto artifacts = records.artifacts(run.id))
    context.messages.warnings(secret_warnings(*artifacts));
  const auto edits = records.edits(run.id).value_or(std::vector<job::Edits>());
  context.messages.warnings(secret_warnings(edits, view.labels()));
  const ui::Colour colour = ui::colour_of(run.status);
  const std::string symbol =
      stream.live ? fmt::format("{} ", ui::paint(stream, colour, ui::symbol(stream, run.status)))
                  : "";
  const std::string span = run.finished_at ? (run.status == Status::done ? " in " : " after ") +
                                                 render_duration(run.finished_at->elapsed)
                                           : "";
  context.messages.note(fmt::format("{}{} {}{}",
                                    symbol,
                                    ui::paint(stream, ui::Colour::bold, run.name),
                                    ui::paint(stream, colour, job::render(run.status)),
                                    span));
  if (run.status == Status::failed)
    print_failure(context, view);
  else
    print_success(context, records, run);
  print_edits(context, run, edits);
}

}  // namespace dstack::cli

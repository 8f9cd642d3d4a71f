#include "ui/status.hpp"

#include "dstack/job/status.hpp"
#include "dstack/process/spawn.hpp"
#include "dstack/store/records/run_record.hpp"

namespace dstack::ui {

using job::Cause;
using job::Status;

Outcome outcome_of(const store::JobRecord& job) {
  return {job.status, job.cause, job.exit_code, job.signal, job.reason};
}

Outcome outcome_of(const store::WorkflowRecord& workflow) {
  return {workflow.status, workflow.cause, workflow.exit_code, workflow.signal, {}};
}

std::string render_cause(const Outcome& outcome) {
  if (outcome.status != Status::failed || !outcome.cause)
    return {};
  switch (*outcome.cause) {
    case Cause::exit:
      return outcome.exit_code ? fmt::format("exit {}", *outcome.exit_code) : "exit";
    case Cause::signal:
      return outcome.signal ? process::signal_name(*outcome.signal) : "signal";
    case Cause::oom:
      return "out of memory";
    case Cause::timeout:
      return "timeout";
    case Cause::start:
      return "could not start";
    case Cause::lost:
      return "lost";
    case Cause::artifact:
      return "missing artifact";
    case Cause::port:
      return "port taken";
    case Cause::disk:
      return "disk";
  }
  return {};
}

std::string render_outcome(const Outcome& outcome) {
  const std::string text(job::render(outcome.status));
  std::string why = render_cause(outcome);
  if (why.empty() && !job::is_final(outcome.status))
    why = outcome.reason;
  if (!outcome.counts.empty())
    why = why.empty() ? outcome.counts : fmt::format("{}; {}", outcome.counts, why);
  return why.empty() ? text : fmt::format("{} ({})", text, why);
}

std::string symbol(const Stream& stream, Status status) {
  switch (status) {
    case Status::done:
      return stream.unicode ? "✔" : "+";
    case Status::failed:
      return stream.unicode ? "✖" : "x";
    case Status::stopped:
    case Status::aborted:
      return stream.unicode ? "■" : "#";
    case Status::skipped:
      return "-";
    case Status::submitted:
    case Status::queued:
      return stream.unicode ? "◌" : ".";
    case Status::downloading:
    case Status::preparing:
    case Status::running:
    case Status::uploading:
    case Status::stopping:
    case Status::aborting:
      break;
  }
  return stream.unicode ? "●" : "*";
}

Colour colour_of(Status status) {
  switch (status) {
    case Status::done:
      return Colour::green;
    case Status::failed:
      return Colour::red;
    case Status::stopping:
    case Status::stopped:
    case Status::aborting:
    case Status::aborted:
      return Colour::yellow;
    case Status::submitted:
    case Status::queued:
    case Status::skipped:
      return Colour::dim;
    case Status::downloading:
    case Status::preparing:
    case Status::running:
    case Status::uploading:
      break;
  }
  return Colour::blue;
}

Cell status_cell(const Stream& stream, const Outcome& outcome) {
  const std::string text = render_outcome(outcome);
  if (!stream.live)
    return {text, colour_of(outcome.status)};
  return {fmt::format("{} {}", symbol(stream, outcome.status), text), colour_of(outcome.status)};
}

}  // namespace dstack::ui

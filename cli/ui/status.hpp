// Statuses as text, symbols and colours. The text has the whole meaning; colour and symbol only
// help.
#pragma once

#include "dstack/job/status.hpp"
#include "dstack/store/records/run_record.hpp"
#include "ui/table.hpp"
#include "ui/terminal.hpp"

#include <optional>
#include <string>

namespace dstack::ui {

/// How something ended, as far as it is known.
struct Outcome {
  job::Status status = job::Status::submitted;
  std::optional<job::Cause> cause;
  std::optional<int> exit_code;
  std::optional<int> signal;
  std::string reason;
  std::string counts = {};  ///< of many together: "5 of 12 done, 1 failed"
};

Outcome outcome_of(const store::JobRecord& job);
Outcome outcome_of(const store::WorkflowRecord& workflow);

/// "exit 3", "SIGKILL", "out of memory", "timeout", "could not start", "lost"; empty when it did
/// not fail.
std::string render_cause(const Outcome& outcome);
/// "running", "failed (exit 3)", "queued (waits for download)".
std::string render_outcome(const Outcome& outcome);
/// "✔" or "+", and so on, depending on the stream.
std::string symbol(const Stream& stream, job::Status status);
Colour colour_of(job::Status status);
/// The outcome for a table: with its symbol on a terminal, the text alone in a pipe.
Cell status_cell(const Stream& stream, const Outcome& outcome);

}  // namespace dstack::ui

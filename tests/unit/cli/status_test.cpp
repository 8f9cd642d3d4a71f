#include "ui/status.hpp"

#include "captured.hpp"
#include "dstack/job/status.hpp"

using namespace dstack;
using dstack::test::Captured;
using job::Cause;
using job::Status;

namespace {

ui::Outcome failed(Cause cause) {
  ui::Outcome outcome;
  outcome.status = Status::failed;
  outcome.cause = cause;
  return outcome;
}

}  // namespace

TEST_CASE("a failure has its cause as text") {
  auto exit = failed(Cause::exit);
  exit.exit_code = 3;
  CHECK(ui::render_outcome(exit) == "failed (exit 3)");
  auto signal = failed(Cause::signal);
  signal.signal = 11;
  CHECK(ui::render_outcome(signal) == "failed (SIGSEGV)");
  CHECK(ui::render_outcome(failed(Cause::oom)) == "failed (out of memory)");
  CHECK(ui::render_outcome(failed(Cause::timeout)) == "failed (timeout)");
  CHECK(ui::render_outcome(failed(Cause::start)) == "failed (could not start)");
  CHECK(ui::render_outcome(failed(Cause::port)) == "failed (port taken)");
  CHECK(ui::render_outcome(failed(Cause::lost)) == "failed (lost)");
  CHECK(ui::render_outcome(failed(Cause::artifact)) == "failed (missing artifact)");
}

TEST_CASE("a job that is not over says what it waits for") {
  ui::Outcome outcome;
  outcome.status = Status::queued;
  outcome.reason = "waits for download";
  CHECK(ui::render_outcome(outcome) == "queued (waits for download)");
  outcome.status = Status::running;
  CHECK(ui::render_outcome(outcome) == "running (waits for download)");
  outcome.status = Status::done;
  CHECK(ui::render_outcome(outcome) == "done");
}

TEST_CASE("symbols are for terminals, and ASCII where the locale is not UTF-8") {
  ui::Outcome outcome;
  outcome.status = Status::done;
  Captured captured;
  CHECK(ui::status_cell(captured.plain(), outcome).text == "done");
  CHECK(ui::status_cell(captured.terminal(), outcome).text == "✔ done");
  auto ascii = captured.terminal();
  ascii.unicode = false;
  CHECK(ui::status_cell(ascii, outcome).text == "+ done");
}

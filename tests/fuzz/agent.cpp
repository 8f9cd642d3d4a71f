// Lines that processes of a run send one another: the reports of an agent, states of a job.
#include "dstack/run/protocol/agent.hpp"

#include "dstack/base/text.hpp"
#include "dstack/run/protocol/mailbox.hpp"
#include "fuzz.hpp"

using namespace dstack;
using namespace dstack::fuzz;

namespace {

void check_report(const run::AgentReport& report) {
  const std::string line = run::render_agent_report(report);
  require(line.find('\n') == line.size() - 1, "a report is one line");
  const auto again = run::parse_agent_report(line);
  require(again && *again == report, "a report survives rendering and parsing");
}

/// The same bytes through a pipe, which the runner reads piece by piece.
std::vector<run::AgentReport> through_a_pipe(std::string_view input) {
  auto pipe = make_pipe();
  require(pipe && write_all(pipe->write_end.get(), input), "a pipe can be made and filled");
  pipe->write_end.reset();
  run::AgentReports reports(std::move(pipe->read_end));
  auto taken = reports.take();
  require(reports.fd() == -1, "the end of the pipe is seen");
  return taken;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // What a pipe holds without a reader.
  const std::string_view input = text_of(data, std::min<std::size_t>(size, 60'000));
  std::vector<run::AgentReport> expected;
  const std::size_t end = input.rfind('\n');
  for (const std::string_view line :
       split(input.substr(0, end == std::string_view::npos ? 0 : end), '\n')) {
    if (auto report = run::parse_agent_report(line)) {
      check_report(*report);
      expected.push_back(std::move(*report));
    }
    if (const auto state = run::parse_state(line)) {
      const auto again = run::parse_state(run::render(*state));
      require(again && again->job == state->job && again->attempt == state->attempt &&
                  again->at == state->at && again->status == state->status &&
                  again->elapsed == state->elapsed,
              "a state survives rendering and parsing");
    }
  }
  require(through_a_pipe(input) == expected, "in pieces and as a whole it says the same");
  return 0;
}

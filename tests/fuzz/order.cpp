// Records of a run that are read back from disk.

#include "dstack/run/protocol/agent.hpp"
#include "dstack/run/protocol/exit_record.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "fuzz.hpp"

using namespace dstack;
using namespace dstack::fuzz;

namespace {

/// What was read and is written again reads as the same.
template <typename Parse, typename Render>
void check(std::string_view text, Parse parse, Render render) {
  const auto parsed = parse(text);
  if (!parsed)
    return;
  const std::string written = render(*parsed);
  const auto again = parse(written);
  require(again && render(*again) == written, "a record survives rendering and parsing");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  check(text, run::parse_run_order, run::render_run_order);
  check(text, run::parse_job_order, run::render_job_order);
  check(text, run::parse_exit_record, run::render_exit_record);
  check(text, run::parse_agent_order, run::render_agent_order);
  return 0;
}

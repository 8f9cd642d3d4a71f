#include "dstack/run/protocol/agent.hpp"

#include "dstack/job/job_spec.hpp"
#include "dstack/job/status.hpp"
#include "dstack/job/usage.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"

#include <thread>

#include <signal.h>
#include <unistd.h>

using namespace dstack;
using namespace dstack::run;
using job::Cause;
using job::Status;

namespace {

/// Both ends of one channel.
struct Channel {
  Channel() {
    auto pipe = make_pipe();
    REQUIRE(pipe);
    reports = AgentReports(std::move(pipe->read_end));
    write_end = std::move(pipe->write_end);
  }

  void write(std::string_view bytes) const { REQUIRE(write_all(write_end.get(), bytes)); }

  AgentReports reports;
  Fd write_end;
};

AgentReport report_of(Status status) {
  AgentReport report;
  report.status = status;
  return report;
}

}  // namespace

TEST_CASE("a runner takes an agent's reports in order, and sees its end") {
  Channel channel;
  CHECK(channel.reports.take().empty());
  {
    const AgentReporter reporter(channel.write_end.release());
    reporter.status(Status::preparing);
    reporter.status(Status::running);
    reporter.warning("the image is 3 years old");
    reporter.killed_for_memory();
    reporter.usage({.peak_memory = 1, .cpu_time = 5'000'000'000});
    reporter.end(Cause::oom, "the container \"took\" more than 1 GB\nof memory");
    CHECK(channel.reports.fd() >= 0);
  }
  const auto reports = channel.reports.take();

  REQUIRE(reports.size() == 6);
  CHECK((reports[0] == report_of(Status::preparing)));
  CHECK((reports[1] == report_of(Status::running)));
  CHECK(reports[2].warning == "the image is 3 years old");
  CHECK_FALSE(reports[2].killed_for_memory);
  CHECK(reports[3].killed_for_memory);
  CHECK((reports[4].usage == job::Usage{.peak_memory = 1, .cpu_time = 5'000'000'000}));
  CHECK((reports[5].cause == Cause::oom));
  CHECK(reports[5].message == "the container \"took\" more than 1 GB\nof memory");
  CHECK(channel.reports.fd() == -1);
  CHECK(channel.reports.take().empty());
}

TEST_CASE("a report that arrives in pieces is taken once it is whole") {
  Channel channel;
  channel.write("{\"status\":\"pre");
  CHECK(channel.reports.take().empty());
  channel.write("paring\"}\n{\"status\":\"run");
  const auto first = channel.reports.take();
  REQUIRE(first.size() == 1);
  CHECK((first[0] == report_of(Status::preparing)));
  channel.write("ning\"}\n");
  const auto second = channel.reports.take();
  REQUIRE(second.size() == 1);
  CHECK((second[0] == report_of(Status::running)));
}

TEST_CASE("what is not a report, or not an agent's to report, is ignored") {
  Channel channel;
  channel.write("nonsense\n[]\n{\"status\":\"done\"}\n{\"cause\":\"lost\",\"message\":\"x\"}\n\n");
  channel.write(std::string(60'000, 'x') + "\n");
  channel.write("{\"status\":\"running\"}\n");
  const auto reports = channel.reports.take();
  REQUIRE(reports.size() == 1);
  CHECK((reports[0] == report_of(Status::running)));
}

TEST_CASE("an endless line does not fill the runner's memory, and the agent is not held up") {
  Channel channel;
  std::thread writer([&] {
    channel.write(std::string(1 << 20, 'x') + "\n{\"status\":\"running\"}\n");
    channel.write_end.reset();
  });
  std::vector<AgentReport> reports;
  while (channel.reports.fd() >= 0)
    for (AgentReport& report : channel.reports.take())
      reports.push_back(std::move(report));
  writer.join();
  REQUIRE(reports.size() == 1);
  CHECK((reports[0] == report_of(Status::running)));
}

TEST_CASE("an agent whose runner is gone goes on") {
  auto pipe = make_pipe();
  REQUIRE(pipe);
  pipe->read_end.reset();
  ::signal(SIGPIPE, SIG_IGN);  // as agents do
  const AgentReporter reporter(pipe->write_end.release());
  reporter.status(Status::running);
  ::signal(SIGPIPE, SIG_DFL);
}

TEST_CASE("an agent's order survives rendering and parsing") {
  AgentOrder order;
  order.job.run = "quiet-otter-1";
  order.job.index = 3;
  order.job.provider = "/plugins/curl.so";
  order.job.spec.native = Json{{"url", "http://127.0.0.1/\"x\""}};
  order.job.environment = {{"A", "1\n2"}};
  order.workspace = "/w";
  const auto parsed = parse_agent_order(render_agent_order(order));
  REQUIRE(parsed);
  CHECK((parsed->job == order.job));
  CHECK(parsed->workspace == "/w");
  CHECK(test::failure_of(parse_agent_order("{}")).code == ErrorCode::internal);

  const Json json = order;
  CHECK(json["job"].is_object());
  const Json old = {{"job", render_json(json["job"])}, {"workspace", "/w"}};
  const auto from_old = parse_agent_order(render_json(old));
  REQUIRE(from_old);
  CHECK((from_old->job == order.job));
  CHECK(test::failure_of(parse_agent_order(R"({"job": "{"})")).code == ErrorCode::internal);
}

TEST_CASE("a function of a provider needs an agent, a command does not") {
  job::JobSpec spec;
  spec.argv = {"true"};
  CHECK(agent_role(spec).empty());
  spec.argv.clear();
  spec.native = Json::object();
  CHECK(agent_role(spec) == "native");
}

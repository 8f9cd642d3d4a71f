
#include "dstack/job/status.hpp"
#include "dstack/run/protocol/exit_record.hpp"
#include "dstack/run/protocol/job_order.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "support/catch.hpp"
#include "support/results.hpp"
#include "support/text.hpp"

using namespace dstack;
using namespace dstack::run;

TEST_CASE("a run's order survives rendering and parsing") {
  RunOrder order;
  order.plan.project = "/p";
  order.plan.target = "train";
  order.plan.run_name = "quiet-otter-1";
  order.plan.workflows.resize(1);
  order.plan.workflows[0].name = "train";
  job::TreeReference tree;
  tree.files = 1;
  order.plan.workflows[0].input_files = {
      {"/big", "data", true, true, 200'000, 5, 6, true, {}, {}},
      {"x", "y", false, false, 1, 2, -3, false, sha256("x"), tree}};
  order.plan.workflows[0].env_files = {{".env", sha256("A=1"), false}};
  order.plan.jobs.resize(1);
  order.plan.jobs[0].spec.argv = {"python", "train.py", "two words"};
  order.plan.jobs[0].environment = {
      {"A", "1\n2", plan::parse_variable_origin("command line")},
      {"B", plan::value_of_env_file, plan::parse_variable_origin("env_file .env:3")}};
  order.parallel = 3;
  order.stop_grace = std::chrono::milliseconds(1500);
  order.job_ids = {"0123456789ab"};
  order.plan.jobs[0].python = python::Interpreter{"/usr/bin/python3", "3.11.2", "PATH"};
  order.code.git = {"r", "main", "abc", "root", true};
  order.code.snapshot.files = 3;
  order.move_tag = true;
  order.on_end.resize(2);
  order.on_end[0].command = {"notify", "two words"};
  order.on_end[0].when = {"failed", "stopped"};
  order.on_end[1].webhook = "https://${{ secrets.HOST }}/x";
  order.on_end[1].headers = {{"B", "2"}, {"A", "${{ secrets.A }}"}};
  order.on_end[1].timeout = std::chrono::seconds(5);
  order.on_end[1].retry = 0;
  order.machine = resources::Machine{4, 16'000'000'000, {{"V100", 16, "GPU-aa"}}};

  const auto parsed = parse_run_order(render_run_order(order));

  REQUIRE(parsed);
  CHECK(render_run_order(*parsed) == render_run_order(order));
  CHECK((parsed->plan == order.plan));
  CHECK(parsed->code.git == order.code.git);
  CHECK(parsed->code.snapshot == order.code.snapshot);
  REQUIRE(parsed->on_end.size() == 2);
  CHECK(parsed->on_end[0].command == order.on_end[0].command);
  CHECK(parsed->on_end[0].when == order.on_end[0].when);
  CHECK(parsed->on_end[1].headers == order.on_end[1].headers);
  CHECK(parsed->on_end[1].timeout == std::chrono::seconds(5));
  CHECK(parsed->on_end[1].retry == 0);
  REQUIRE(parsed->machine);
  CHECK(parsed->machine->memory == 16'000'000'000);
  CHECK(parsed->machine->gpus.front().id == "GPU-aa");
}

TEST_CASE("a job's order survives rendering and parsing") {
  JobOrder order;
  order.home = "/h";
  order.run = "quiet-otter-1";
  order.index = 4;
  order.attempt = 2;
  order.attempts = 3;
  order.spec.argv = {"true"};
  order.environment = {{"JOB_PORT_0", "20001"}};
  order.id = "0123456789ab";
  // More has elapsed than this boot has lasted.
  order.clock = {"this boot", std::chrono::milliseconds(-5)};
  order.ports = {20001, 29999};
  order.gpus = {"GPU-aa", "1"};
  order.env_variables = {"A"};
  order.env_files = {{".env", sha256("A=1"), true}};
  order.env_texts = "/h/runs/quiet-otter-1/env_files-0123456789ab";
  order.input_files.resize(2);
  order.links = {{"data", "/big"}};

  const auto parsed = parse_job_order(render_job_order(order));

  REQUIRE(parsed);
  CHECK((*parsed == order));
}

TEST_CASE(
    "a job's order of an older version has the id, the ports and the GPUs in the environment") {
  JobOrder order;
  order.spec.argv = {"true"};
  order.spec.ports = 2;
  order.environment = {{"CUDA_VISIBLE_DEVICES", "1,GPU-aa"},
                       {"JOB_ID", "0123456789ab"},
                       {"JOB_PORT_0", "20001"},
                       {"JOB_PORT_1", "20007"}};
  Json json = order;
  for (const char* member : {"id", "ports", "gpus"})
    json.erase(member);

  const auto parsed = parse_job_order(render_json(json));

  REQUIRE(parsed);
  CHECK(parsed->id == "0123456789ab");
  CHECK(parsed->ports == std::vector<std::uint16_t>{20001, 20007});
  CHECK(parsed->gpus == std::vector<std::string>{"1", "GPU-aa"});
}

TEST_CASE("an order that is wrong is refused with the name of the key") {
  Json json = JobOrder();
  json["spec"]["argv"] = {"true"};
  REQUIRE(parse_job_order(render_json(json)));
  Json wrong = json;
  wrong["ports"] = {70000};
  CHECK(parse_job_order(render_json(wrong)).error().message ==
        "cannot read a job's order: 'ports' must be a whole number, 0 or more");
  wrong = json;
  wrong.erase("code");
  CHECK(parse_job_order(render_json(wrong)).error().message ==
        "cannot read a job's order: 'code' is missing");
}

TEST_CASE("an exit record survives rendering and parsing, and a torn one is refused") {
  ExitRecord record;
  record.outcome = ExitRecord::Outcome::signaled;
  record.number = 11;
  record.stop = job::StopRequest::stop;
  record.cause = job::Cause::oom;
  record.job = "0123456789ab";
  record.message = "m";
  record.warnings = {"w"};
  record.usage.peak_memory = 5'000'000'000;
  record.usage.cpu_time = 12;
  record.exposed = {{"out", {{{"out/env", {"KEY", "TOKEN"}}}, 2}}};
  record.started_at = Timestamp(std::chrono::milliseconds(5));
  record.finished_at = Timestamp(std::chrono::milliseconds(6));
  record.finished_elapsed = std::chrono::milliseconds(7);
  const std::string text = render_exit_record(record);

  const auto parsed = parse_exit_record(text);
  REQUIRE(parsed);
  CHECK((*parsed == record));
  for (const std::size_t size : {text.size() / 2, std::size_t{0}})
    CHECK(test::holds(test::failure_of(parse_exit_record(text.substr(0, size))).message,
                      "an exit record"));
}

TEST_CASE("an exit record with another byte than was written is none, or says the same") {
  ExitRecord record;
  record.number = 3;
  record.message = ",\"checksum\":\"";
  const std::string text = render_exit_record(record);
  CHECK((*parse_exit_record(text) == record));
  for (std::size_t at = 0; at + 1 < text.size(); ++at)
    for (const char byte : {'\0', '7'}) {
      std::string damaged = text;
      damaged[at] = byte;
      CAPTURE(damaged);
      const auto parsed = parse_exit_record(damaged);
      CHECK((!parsed || *parsed == record));
    }
}

TEST_CASE("an exit record of an older version has no checksum") {
  const auto record = parse_exit_record(R"({"outcome":"exited","number":3})"
                                        "\n");
  REQUIRE(record);
  CHECK(record->number == 3);
  CHECK_FALSE(record->finished_elapsed);
}

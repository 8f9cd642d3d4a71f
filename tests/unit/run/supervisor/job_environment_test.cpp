#include "dstack/run/supervisor/job_environment.hpp"

#include "dstack/job/environment_names.hpp"
#include "dstack/run/protocol/run_order.hpp"
#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::run;

namespace {

/// Two workflows; the second has two jobs, and the first of these is the master of the other.
RunOrder order_with_master() {
  RunOrder order;
  order.plan.run_name = "quiet-otter-1";
  order.plan.workflows.resize(2);
  order.plan.jobs.resize(3);
  order.plan.jobs[1].workflow = 1;
  order.plan.jobs[1].spec.ports = 2;
  order.plan.jobs[2].workflow = 1;
  order.plan.jobs[2].spec.ports = 1;
  order.plan.jobs[2].spec.master = 0;
  order.job_ids = {"aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc"};
  return order;
}

std::string value(const std::vector<std::pair<std::string, std::string>>& environment,
                  const std::string& name) {
  for (const auto& [key, text] : environment)
    if (key == name)
      return text;
  return "(not set)";
}

const PortsOfJobs ports = {{1, {20001, 20002}}, {2, {20003}}};

}  // namespace

TEST_CASE("a job knows its ports under both names") {
  const auto environment = job_environment(order_with_master(), 1, ports, {});
  CHECK(value(environment, "JOB_ID") == "bbbbbbbbbbbb");
  CHECK(value(environment, "JOB_HOSTNAME") == "127.0.0.1");
  CHECK(value(environment, "HOSTNAME") == "127.0.0.1");
  CHECK(value(environment, "JOB_PORT_0") == "20001");
  CHECK(value(environment, "PORT_0") == "20001");
  CHECK(value(environment, "JOB_PORT_1") == "20002");
  CHECK(value(environment, "PORT_1") == "20002");
  CHECK(value(environment, "JOB_PORT_2") == "(not set)");
  CHECK(value(environment, "MASTER_JOB_ID") == "(not set)");
}

TEST_CASE("a job with a master knows the master's host and ports beside its own") {
  const auto environment = job_environment(order_with_master(), 2, ports, {});
  CHECK(value(environment, "JOB_PORT_0") == "20003");
  CHECK(value(environment, "MASTER_JOB_ID") == "bbbbbbbbbbbb");
  CHECK(value(environment, "MASTER_JOB_HOSTNAME") == "127.0.0.1");
  CHECK(value(environment, "MASTER_JOB_PORT_0") == "20001");
  CHECK(value(environment, "MASTER_JOB_PORT_1") == "20002");
}

TEST_CASE("what is set in a job beside the plan's variables is what is reserved") {
  const auto environment = job_environment(order_with_master(), 2, ports, {"GPU-aa"});
  for (const auto& [name, text] : environment) {
    INFO(name);
    CHECK(job::is_reserved_environment_name(name));
  }
  for (std::string name : job::reserved_environment_names()) {
    INFO(name);
    if (name.ends_with('_'))
      name += "0";
    // These two the runner sets.
    const bool is_later = name == job::job_folder_variable || name == job::metrics_variable;
    CHECK((value(environment, name) != "(not set)") == !is_later);
  }
}

TEST_CASE("a job of another workflow knows nothing of these ports") {
  const auto environment = job_environment(order_with_master(), 0, ports, {});
  CHECK(value(environment, "JOB_PORT_0") == "(not set)");
  CHECK(value(environment, "MASTER_JOB_PORT_0") == "(not set)");
}

#include "dstack/job/job_spec.hpp"
#include "dstack/run/agents/container_agent.hpp"
#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::run;

namespace {

using Words = std::vector<std::string>;

job::JobSpec spec_of(Words commands, Words entrypoint = {}, Words argv = {}, Words setup = {}) {
  job::JobSpec spec;
  spec.container = job::Container{"image", std::move(entrypoint), "", ""};
  spec.commands = std::move(commands);
  spec.argv = std::move(argv);
  spec.setup = std::move(setup);
  return spec;
}

const backend::ImageFacts image = {"id", "", {"entry"}, {"with", "words"}};

}  // namespace

TEST_CASE("a container without a command runs what its image starts, behind the set-up") {
  CHECK(container_command(spec_of({}), image) == Words{"entry", "with", "words"});
  CHECK(container_command(spec_of({}, {}, {}, {"a", "b"}), image) ==
        Words{"sh", "-e", "-c", "a\nb\nexec \"$@\"", "sh", "entry", "with", "words"});
  CHECK(container_command(spec_of({}), backend::ImageFacts()).empty());
  CHECK(container_command(spec_of({}, {}, {}, {"a"}), backend::ImageFacts()).empty());
}

TEST_CASE("commands are one script for the image's sh, or for the entrypoint that is given") {
  CHECK(container_command(spec_of({"x", "y"}, {}, {}, {"a"}), image) ==
        Words{"sh", "-e", "-c", "a\nx\ny"});
  CHECK(container_command(spec_of({"x", "y"}), image, "/file") == Words{"sh", "-e", "/file"});
  CHECK(container_command(spec_of({"x", "y"}, {"python", "-c"}), image) ==
        Words{"python", "-c", "x\ny"});
}

TEST_CASE("an entrypoint takes the place of the image's, words included") {
  CHECK(container_command(spec_of({}, {"other"}), image) == Words{"other"});
  CHECK(container_command(spec_of({}, {"other"}, {"a", "b"}), image) == Words{"other", "a", "b"});
  CHECK(container_command(spec_of({}, {}, {"prog", "a"}), image) == Words{"prog", "a"});
}

TEST_CASE("a container's cards are counted from 0 inside, and outside by the machine") {
  AgentOrder order;
  order.job.spec = spec_of({"x"});
  order.job.spec.ports = 2;
  order.job.id = "abc";
  order.job.ports = {20001, 20007};
  order.job.gpus = {"1", "3"};
  order.job.environment = {{"CUDA_VISIBLE_DEVICES", "1,3"}};
  auto launch = container_launch(order);
  CHECK(launch.gpus == Words{"1", "3"});
  CHECK(launch.environment.front().second == "0,1");
  CHECK(launch.job == "abc");
  CHECK(launch.ports == std::vector<std::uint16_t>{20001, 20007});
  order.job.gpus.clear();
  order.job.environment.front().second = "";
  launch = container_launch(order);
  CHECK(launch.gpus.empty());
  CHECK(launch.environment.back() ==
        std::pair<std::string, std::string>("NVIDIA_VISIBLE_DEVICES", "void"));
}

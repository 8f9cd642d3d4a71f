#include "dstack/job/job_spec.hpp"
#include "dstack/run/agents/container_launch.hpp"
#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::run;

namespace {

using Arguments = std::vector<std::string>;

job::JobSpec spec_of(Arguments commands,
                     Arguments entrypoint = {},
                     Arguments argv = {},
                     Arguments setup = {}) {
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
  CHECK(container_command(spec_of({}), image) == Arguments{"entry", "with", "words"});
  CHECK(container_command(spec_of({}, {}, {}, {"a", "b"}), image) ==
        Arguments{"sh", "-e", "-c", "a\nb\nexec \"$@\"", "sh", "entry", "with", "words"});
  CHECK(container_command(spec_of({}), backend::ImageFacts()).empty());
  CHECK(container_command(spec_of({}, {}, {}, {"a"}), backend::ImageFacts()).empty());
}

TEST_CASE("commands are one script for the image's sh, or for the entrypoint that is given") {
  CHECK(container_command(spec_of({"x", "y"}, {}, {}, {"a"}), image) ==
        Arguments{"sh", "-e", "-c", "a\nx\ny"});
  CHECK(container_command(spec_of({"x", "y"}), image, "/file") == Arguments{"sh", "-e", "/file"});
  CHECK(container_command(spec_of({"x", "y"}, {"python", "-c"}), image) ==
        Arguments{"python", "-c", "x\ny"});
}

TEST_CASE("an entrypoint takes the place of the image's, its arguments included") {
  CHECK(container_command(spec_of({}, {"other"}), image) == Arguments{"other"});
  CHECK(container_command(spec_of({}, {"other"}, {"a", "b"}), image) ==
        Arguments{"other", "a", "b"});
}

TEST_CASE("arguments follow the image's entrypoint, in the place of the image's own") {
  CHECK(container_command(spec_of({}, {}, {"--version"}), image) ==
        Arguments{"entry", "--version"});
  CHECK(container_command(spec_of({}, {}, {"a b"}, {"x"}), image) ==
        Arguments{"sh", "-e", "-c", "x\nexec \"$@\"", "sh", "entry", "a b"});
  CHECK(container_command(spec_of({}, {}, {"prog", "a"}), backend::ImageFacts()) ==
        Arguments{"prog", "a"});
}

TEST_CASE("the GPUs of a container are counted from 0 inside, and outside by the machine") {
  AgentOrder order;
  order.job.spec = spec_of({"x"});
  order.job.spec.ports = 2;
  order.job.id = "abc";
  order.job.ports = {20001, 20007};
  order.job.gpus = {"1", "3"};
  order.job.environment = {{"CUDA_VISIBLE_DEVICES", "1,3"}};
  auto launch = container_launch(order);
  CHECK(launch.gpus == Arguments{"1", "3"});
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

#include "dstack/plan/resources.hpp"

#include "bench.hpp"
#include "support/catch.hpp"

using namespace dstack;
using namespace dstack::plan;
using plan_test::Bench;

namespace {

using Words = std::vector<std::string>;

Bench asking(const std::string& resources) {
  Bench bench;
  bench.workflows(
      "workflows:\n"
      "  - name: train\n"
      "    provider: python\n"
      "    file: train.py\n"
      "    resources: " +
      resources +
      "\n"
      "  - {name: after, provider: python, file: train.py, depends-on: [train]}\n");
  return bench;
}

}  // namespace

TEST_CASE(
    "what this machine can never give is refused with the numbers and the option that changes it") {
  CHECK(asking("{gpu: 1}").errors("train") ==
        Words{"workflow 'train' asks for 1 GPU: this machine has 0 GPUs; --gpu 0 runs without @ "
              ".dstack/workflows.yaml:5:22+1"});
  CHECK(asking("{cpu: 9}").errors("train") ==
        Words{"workflow 'train' asks for 9 CPUs: this machine has 4 CPUs; --cpu 4 runs with what "
              "is there @ "
              ".dstack/workflows.yaml:5:22+1"});
  CHECK(asking("{memory: 64GB}").errors("train") ==
        Words{"workflow 'train' asks for 64.0 GB of memory: this machine has 16.0 GB; --memory "
              "16GB runs with what "
              "is there @ .dstack/workflows.yaml:5:25+4"});
  CHECK(asking("{cpu: 9, gpu: {count: 2}, shm-size: 1TB}").errors("train").size() == 3);
}

TEST_CASE("the option that is named for what is too much lets the run start") {
  auto bench = asking("{gpu: {count: 1, name: V100}, cpu: 9, memory: 64GB, shm_size: 64GB}");
  CHECK(
      bench.errors("train", {"--gpu", "0", "--cpu", "4", "--memory", "16GB", "--shm-size", "16GB"})
          .empty());
}

TEST_CASE("a request of the command line is refused at its argument") {
  CHECK(asking("{cpu: 1}").errors("train", {"--gpu", "2"}) ==
        Words{"workflow 'train' asks for 2 GPUs: this machine has 0 GPUs; --gpu 0 runs without @ "
              "command "
              "line:1:24+1"});
}

TEST_CASE("for a workflow that no option can change, the hint names the file") {
  CHECK(asking("{gpu: 1}").errors("after") ==
        Words{"workflow 'train' asks for 1 GPU: this machine has 0 GPUs @ "
              ".dstack/workflows.yaml:5:22+1 | lower "
              "`gpu` in the resources of workflow 'train'"});
}

TEST_CASE("GPUs count by name and memory") {
  Machine machine{4, 1, {{"Tesla V100-SXM2-16GB", 16ULL << 30}, {"NVIDIA A100", 40ULL << 30}}};

  auto bench = asking("{gpu: {count: 2, name: V100}}");
  bench.machine.gpus = machine.gpus;
  CHECK(bench.errors("train") ==
        Words{"workflow 'train' asks for 2 GPUs 'V100': this machine has 2 GPUs (Tesla "
              "V100-SXM2-16GB 17.2 GB, NVIDIA A100 42.9 GB), 1 of them suitable; --gpu 1 runs "
              "with what is there @ .dstack/workflows.yaml:5:30+1"});
}

TEST_CASE("another suitable kind of GPU is named with its option") {
  const std::vector<config::Gpu> gpus = {{"V100", 16'000'000'000, "0"},
                                         {"V100", 16'000'000'000, "1"},
                                         {"A100 SXM", 80'000'000'000, "2"}};
  const auto refusal = [&](const std::string& gpu) {
    auto bench = asking("{gpu: " + gpu + "}");
    bench.machine.gpus = gpus;
    return bench.errors("train").front();
  };
  const auto holds = [&](const std::string& gpu, const std::string& words) {
    INFO(refusal(gpu));
    return refusal(gpu).find(words) != std::string::npos;
  };
  const auto says = [&](const std::string& gpu, const std::string& words) {
    return holds(gpu, "; " + words);
  };
  CHECK(says("{count: 2, name: H100}", "--gpu-name V100 fits, --gpu 0 runs without"));
  CHECK(says("{count: 1, name: H100, memory: 40GB}", "--gpu-name 'A100 SXM' fits, "));
  CHECK(says("{count: 2, memory: 40GB}", "--gpu-memory 16GB fits, --gpu 1 runs with"));
  CHECK(says("{count: 4, name: V100}", "--gpu 2 runs with"));
  const auto stands_at = [&](const std::string& gpu, const std::string& place) {
    return holds(gpu, " @ .dstack/workflows.yaml:" + place);
  };
  CHECK(stands_at("{count: 4, name: V100}", "5:30+1"));
  CHECK(stands_at("{count: 2, name: H100}", "5:39+4"));
  CHECK(stands_at("{count: 2, memory: 90GB}", "5:41+4"));
}

TEST_CASE("on a machine with GPUs the plan notes jobs that ask for none") {
  const std::string notice = "this job sees no GPU; ask with `gpu: 1`";
  const config::Gpu gpu{"A100", 40ULL << 30};
  auto bench = asking("{cpu: 1}");
  CHECK(bench.plan("train").jobs[0].notices.empty());
  bench.machine.gpus = {gpu};
  CHECK(bench.plan("train").jobs[0].notices == Words{notice});
  CHECK(bench.plan("train", {"--gpu", "1"}).jobs[0].notices.empty());
  CHECK(bench.plan("train", {"--gpu", "0"}).jobs[0].notices.empty());
}

TEST_CASE("a size with a decimal point is refused, with what to write") {
  auto bench = asking("{cpu: 1}");
  const auto errors = bench.errors("train", {"--memory", "1.5GB"});
  REQUIRE(errors.size() == 1);
  INFO(errors[0]);
  CHECK(errors[0].ends_with(" | sizes are whole numbers: write 1500MB for 1.5GB"));
}

TEST_CASE("the plan says which resources are only reserved") {
  const auto resources = [](const std::string& wanted) {
    const std::string text = explain(asking(wanted).plan("train"));
    const std::string label = "resources    ";
    const std::size_t begin = text.find(label) + label.size();
    return text.substr(begin, text.find("   environment", begin) - begin);
  };
  CHECK(resources("{cpu: 2, shm_size: 1GB}") ==
        "cpu 2, reserved before it starts\n                shared memory 1.0 GB\n");
  CHECK(resources("{interruptible: true, local: true}") == "interruptible, local\n");
}
